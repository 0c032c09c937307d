import { tmpdir } from "node:os";
import { loadParser } from "../../src/db/parse.js";
import { openScratch } from "../../src/db/scratch.js";
import { parseMigration } from "../../src/migrate/build.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import type { ProofFinding, ProveOptions, ProveReport } from "../../src/prove/model.js";
import { proveMigrations } from "../../src/prove/prove.js";
import { createMigrationFolder } from "./migrations.js";
import { type ServerName, serverTarget } from "./postgres.js";

/** Proves a folder of the files given, on databases of a test server. */
export async function prove(
  server: ServerName,
  files: Readonly<Record<string, string>>,
  options: ProveOptions = {},
): Promise<ProveReport> {
  using folder = createMigrationFolder(files);
  return await proveFolder(server, folder.directory, options);
}

/** The same for a folder that is there. */
export async function proveFolder(
  server: ServerName,
  directory: string,
  options: ProveOptions = {},
): Promise<ProveReport> {
  const parser = await loadParser();
  const proved = readMigrationFiles(directory).map((file) => parseMigration(parser, file));
  await using scratch = await openScratch({ directory: tmpdir(), target: await serverTarget(server) });
  return await proveMigrations(scratch, { built: [], proved }, options);
}

/** What a finding says, in a line: `error rerun-fails 1_a.up.sql:2 table a, index i`. */
export function brief({ kind, severity, path, line, changes }: ProofFinding): string {
  const place = `${path.slice(path.lastIndexOf("/") + 1)}${line === null ? "" : `:${line}`}`;
  return [severity, kind, place, changes.map(({ object }) => object).join(", ")].filter(Boolean).join(" ");
}
