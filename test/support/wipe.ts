import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { WipeScope } from "../../src/core/catalogue.js";
import { systemClock } from "../../src/core/clock.js";
import { packageRoot } from "../../src/core/package-root.js";
import { referenceScopes } from "../../src/core/reference-scopes.js";
import type { Database } from "../../src/db/pool.js";
import { countRows } from "../../src/db/schema.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName, serverNames } from "./postgres.js";

/**
 * The reference app's schema with its demonstration data, made once a server and test file; the function returned
 * clones it. Call it at the top of the file.
 */
export function useReferenceDatabase(): (server: ServerName) => Promise<ScratchDatabase> {
  const templates = new Map<ServerName, ScratchDatabase>();
  beforeAll(async () => {
    for (const server of serverNames) {
      const scratch = await createScratchDatabase({ server });
      templates.set(server, scratch);
      await fill(scratch);
    }
  });
  afterAll(async () => {
    for (const scratch of templates.values()) await scratch[Symbol.asyncDispose]();
  });
  return (server) => createScratchDatabase({ server, template: templates.get(server)?.target.database });
}

/** One scope named `it`. */
export function scopeOf(tables: readonly string[], more: Partial<WipeScope> = {}): readonly WipeScope[] {
  return [{ name: "it", summary: "it", tables, ...more }];
}

/** What `applyWipe` needs at least. */
export function wipeOptions(scopes: readonly WipeScope[] = referenceScopes) {
  return { scopes, acceptsCascade: false, clock: systemClock };
}

/** Rows of every table in `public`. */
export async function tableCounts(database: Database): Promise<Record<string, number>> {
  const tables = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname",
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) counts[name] = await countRows(database, { schema: "public", name });
  return counts;
}

async function fill(scratch: ScratchDatabase): Promise<void> {
  await using database = await scratch.open();
  await using connection = await database.connect();
  const folder = join(packageRoot, "migrations");
  const files = readdirSync(folder).filter((file) => file.endsWith(".up.sql"));
  for (const file of files.sort()) await connection.execute(readFileSync(join(folder, file), "utf8"));
  await connection.execute(readFileSync(join(packageRoot, "demo", "seed.sql"), "utf8"));
  // The seed's temporary functions go with the session.
  connection.discard();
}
