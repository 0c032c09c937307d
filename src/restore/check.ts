import { planChunks, readStorage, type Storage } from "../backup/chunks.js";
import { readTableFingerprint } from "../backup/fingerprint.js";
import { largeObjectPages } from "../backup/large-objects.js";
import type { Manifest, ManifestSequence, ManifestTable, RowsFingerprint } from "../backup/manifest.js";
import { addFingerprints, createRowsHash } from "../backup/rows.js";
import { readCopy } from "../db/copy-out.js";
import { formatName, type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection, Queryable } from "../db/pool.js";
import { readSequencePosition } from "../db/sequences.js";
import type { Crew } from "./crew.js";

/** What a restored table holds, beside what the backup says it held. */
export interface TableCheck extends QualifiedName {
  readonly isEqual: boolean;
  readonly expected: RowsFingerprint;
  readonly found: RowsFingerprint;
}

export interface RestoreCheck {
  readonly tables: readonly TableCheck[];
  /** Each in words: what is not as it was. Empty when everything is equal. */
  readonly differences: readonly string[];
}

/** Says what is not as it was: in the rows, as they were read back, where each sequence stands, which views are filled. */
export async function checkRestored(
  crew: Crew,
  manifest: Manifest,
  tables: readonly TableCheck[],
): Promise<RestoreCheck> {
  return {
    tables,
    differences: [
      ...tables.filter(({ isEqual }) => !isEqual).map(describeTable),
      ...(await crew.use((connection) => largeObjectDifferences(connection, manifest))),
      ...(await crew.use((connection) => sequenceDifferences(connection, manifest.sequences))),
      ...(await crew.use((connection) => viewDifferences(connection, manifest))),
    ],
  };
}

/**
 * Reads the rows of every table back, in the same parts as they were backed up: nobody else writes here, so parts that
 * are read one by one add up.
 */
export async function checkTables(
  crew: Crew,
  { tables }: Manifest,
  onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void,
): Promise<readonly TableCheck[]> {
  const stored = await crew.use((connection) => readTableStorage(connection, tables));
  const jobs = planChunks(stored);
  let done = 0;
  const parts = await crew.each(jobs, async (connection, { table, tableNumber, pages }) => {
    onProgress?.({ message: `comparing ${formatName(table)}`, done, total: jobs.length });
    const found = await readTableFingerprint(connection, table, pages);
    done += 1;
    return { tableNumber, found };
  });
  return tables.map((table, index) => {
    const own = parts.filter(({ tableNumber }) => tableNumber === index + 1);
    return checkOf(table, addFingerprints(own.map(({ found }) => found)));
  });
}

async function readTableStorage(
  connection: Connection,
  tables: readonly ManifestTable[],
): Promise<readonly (ManifestTable & Pick<Storage, "sizeBytes" | "pages">)[]> {
  const oids = await connection.query<{ oid: number }>(
    "SELECT to_regclass(name)::oid::int8::float8 AS oid FROM unnest($1::text[]) WITH ORDINALITY AS wanted (name, place) ORDER BY place",
    [tables.map(quoteName)],
  );
  const storage = await readStorage(
    connection,
    oids.map(({ oid }) => oid),
  );
  return tables.map((table, index) => {
    // A table that is not there is read all the same, and so says so.
    const found = storage.find(({ oid }) => oid === oids[index]?.oid);
    return { ...table, sizeBytes: found?.sizeBytes ?? 0, pages: found?.pages ?? null };
  });
}

/** Compares what a table holds with its entry in the manifest. */
export function checkOf(table: ManifestTable, found: RowsFingerprint): TableCheck {
  const { schema, name, rows, fingerprint } = table;
  const isEqual = found.rows === rows && found.fingerprint === fingerprint;
  return { schema, name, isEqual, expected: { rows, fingerprint }, found };
}

export function describeTable({ expected, found, ...name }: TableCheck): string {
  return expected.rows === found.rows
    ? `${formatName(name)} holds ${found.rows} rows, but other values`
    : `${formatName(name)} holds ${found.rows} rows instead of ${expected.rows}`;
}

async function largeObjectDifferences(connection: Connection, { largeObjects }: Manifest): Promise<readonly string[]> {
  if (largeObjects === null) return [];
  const { format, rows, fingerprint } = largeObjects.pages;
  const hash = createRowsHash(format);
  await connection.execute("BEGIN");
  const options = format === "binary" ? " (FORMAT binary)" : "";
  await readCopy(connection, `COPY (${largeObjectPages()}) TO STDOUT${options}`, hash);
  await connection.execute("COMMIT");
  const found = hash.result();
  if (found.rows === rows && found.fingerprint === fingerprint) return [];
  return [`large objects hold ${found.rows} pages instead of ${rows}, or other bytes`];
}

async function sequenceDifferences(
  queryable: Queryable,
  sequences: readonly ManifestSequence[],
): Promise<readonly string[]> {
  const differences: string[] = [];
  for (const sequence of sequences) {
    const { lastValue, isCalled } = await readSequencePosition(queryable, sequence);
    if (lastValue === sequence.lastValue && isCalled === sequence.isCalled) continue;
    differences.push(`sequence ${formatName(sequence)} stands at ${lastValue} instead of ${sequence.lastValue}`);
  }
  return differences;
}

async function viewDifferences(queryable: Queryable, { materializedViews }: Manifest): Promise<readonly string[]> {
  const rows = await queryable.query<{ view: string; populated: boolean }>(
    `SELECT view, (SELECT relispopulated FROM pg_class WHERE oid = to_regclass(view)) AS populated
       FROM unnest($1::text[]) AS view`,
    [materializedViews.map(quoteName)],
  );
  return materializedViews.flatMap((view, index) => {
    const populated = rows[index]?.populated;
    if (populated === view.isPopulated) return [];
    return [`materialized view ${formatName(view)} is ${populated ? "" : "not "}filled`];
  });
}
