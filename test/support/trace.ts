import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadParser } from "../../src/db/parse.js";
import { openScratch, type ScratchServer } from "../../src/db/scratch.js";
import { chooseMigrations } from "../../src/migrate/choice.js";
import { readMigrationFiles } from "../../src/migrate/files.js";
import type { StatementTrace } from "../../src/trace/model.js";
import { type TraceRecord, traceOnScratch } from "../../src/trace/trace.js";
import { createMigrationFolder } from "./migrations.js";
import type { ServerName } from "./postgres.js";

export interface OwnScratch extends AsyncDisposable {
  readonly server: ScratchServer;
}

/** A scratch server of that major in a folder of the test's own. */
export async function openOwnScratch(name: ServerName): Promise<OwnScratch> {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-trace-"));
  const server = await openScratch({ directory, majorVersion: Number(/\d+/.exec(name)?.[0]) });
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Traced {
  /** Applied before, as migration 1. */
  readonly base: string;
  /** Traced, one file each. */
  readonly pending: readonly string[];
  readonly rows?: number;
}

/** Traces migrations that are given as SQL. */
export async function trace(server: ScratchServer, { base, pending, rows = 1000 }: Traced): Promise<TraceRecord> {
  const files = Object.fromEntries(pending.map((sql, index) => [`${index + 2}_pending.up.sql`, sql]));
  using folder = createMigrationFolder({ "1_base.up.sql": base, ...files });
  const parser = await loadParser();
  const choice = chooseMigrations(readMigrationFiles(folder.directory), { kind: "since", migration: "1" }, parser);
  return await traceOnScratch({ server, parser, ...choice, rows, isSharedServer: false });
}

/** The traced statements of one file. */
export async function traceStatements(
  server: ScratchServer,
  traced: Omit<Traced, "pending"> & { readonly sql: string },
): Promise<readonly StatementTrace[]> {
  const { migrations } = await trace(server, { ...traced, pending: [traced.sql] });
  return migrations[0]?.statements ?? [];
}
