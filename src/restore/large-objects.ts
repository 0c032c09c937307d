import { largeObjectPageBytes } from "../backup/large-objects.js";
import type { ManifestLargeObjects } from "../backup/manifest.js";
import type { Crew } from "./crew.js";
import type { Ledger } from "./ledger.js";
import { loadChunk } from "./load.js";
import type { LoadJob, LoadRowsOptions } from "./rows.js";

const pages = { schema: "pg_temp", name: "roomctl_pages" };

/** Makes the large objects, empty, under the numbers that rows refer to. */
export async function createLargeObjects(crew: Crew, ledger: Ledger, { objects }: ManifestLargeObjects): Promise<void> {
  await crew.use((connection) =>
    ledger.run(connection, { name: "large objects" }, async () => {
      await connection.query("SELECT count(lo_create(oid)) FROM unnest($1::oid[]) AS oid", [
        objects.map(({ oid }) => oid),
      ]);
    }),
  );
}

/** Pages arrive as rows of a temporary table, and are written into their objects from there. */
export function pageJobs({ pages: stored }: ManifestLargeObjects, options: LoadRowsOptions): readonly LoadJob[] {
  const [object, page, bytes] = stored.columns.map(({ name }) => `"${name}"`);
  const columns = stored.columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
  return stored.chunks.map((chunk) => ({
    step: { name: chunk.file },
    subject: "large objects",
    sizeBytes: chunk.sizeBytes,
    async load(connection) {
      await connection.execute(`CREATE TEMP TABLE roomctl_pages (${columns}) ON COMMIT DROP`);
      await loadChunk(connection, { ...stored, ...pages }, chunk, options);
      await connection.execute(
        `SELECT lo_put(${object}, ${page}::bigint * ${largeObjectPageBytes}, ${bytes}) FROM pg_temp.roomctl_pages`,
      );
    },
  }));
}

/** Owners, rights and comments: after the pages, which their new owner alone might write. */
export async function finishLargeObjects(crew: Crew, ledger: Ledger, { objects }: ManifestLargeObjects): Promise<void> {
  const statements = objects.flatMap((object) => object.statements);
  await crew.use((connection) =>
    ledger.run(connection, { name: "large object rights" }, async () => {
      for (const statement of statements) await connection.execute(statement);
    }),
  );
}
