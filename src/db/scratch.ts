import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { binariesIn, findEmbeddedBinaries, type ServerBinaries, serverUser } from "./binaries.js";
import { isAlive } from "./directory-lock.js";
import { destroyEmbedded, startEmbedded } from "./embedded.js";
import { quoteIdentifier } from "./identifier.js";
import { type Database, type OpenOptions, openDatabase } from "./pool.js";
import type { DatabaseTarget } from "./target.js";

/** A PostgreSQL to try things on: nothing that happens there matters, and it is gone at the end of its `await using` scope. */
export interface ScratchServer extends AsyncDisposable {
  /** For people: "PostgreSQL 15.18", with where it came from. */
  readonly description: string;
  readonly majorVersion: number;
  /** A new database, empty or a copy of another one of this server (which nobody may be connected to meanwhile). */
  createDatabase(template?: string): Promise<ScratchDatabase>;
}

/** Dropped at the end of its `await using` scope. */
export interface ScratchDatabase extends AsyncDisposable {
  readonly name: string;
  open(options?: OpenOptions): Promise<Database>;
}

export interface ScratchOptions {
  /** The state folder; the server lives below it, in `scratch/`, and leaves nothing there. */
  readonly directory: string;
  /** The major version to try things for. Another one is used, and said, when this machine has none of it. */
  readonly majorVersion?: number;
  /** A server to use instead of one of our own: databases are made and dropped there. */
  readonly target?: DatabaseTarget;
  readonly signal?: AbortSignal;
}

/**
 * Starts a throw-away server: of the wanted major version where this machine has its programs, else the embedded one.
 * Throws E_EMBEDDED when there is none at all.
 */
export async function openScratch(options: ScratchOptions): Promise<ScratchServer> {
  if (options.target) return describeScratch(options.target, options, async () => {});
  const root = join(options.directory, "scratch");
  await removeAbandoned(root);
  const server = {
    directory: join(root, `${process.pid}-${randomBytes(3).toString("hex")}`),
    binaries: await chooseBinaries(options.majorVersion),
    settings: scratchSettings,
    signal: options.signal,
  };
  try {
    const { target } = await startEmbedded(server);
    return await describeScratch(target, options, () => destroyEmbedded(server));
  } catch (error) {
    await destroyEmbedded(server);
    throw error;
  }
}

/** Nobody keeps its data, so it never waits for the disk. */
const scratchSettings = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  max_wal_senders: "4",
  wal_level: "logical",
  track_counts: "on",
};

/** Where distributions put the programs of one major version. */
const systemFolders = (major: number) => [
  `/usr/lib/postgresql/${major}/bin`,
  `/usr/pgsql-${major}/bin`,
  `/opt/homebrew/opt/postgresql@${major}/bin`,
  `/usr/local/opt/postgresql@${major}/bin`,
];

async function chooseBinaries(majorVersion: number | undefined): Promise<ServerBinaries> {
  const embedded = await findEmbeddedBinaries(serverUser());
  if (majorVersion === undefined || majorOf(embedded.version) === majorVersion) return embedded;
  for (const folder of systemFolders(majorVersion)) {
    const binaries = tryBinaries(folder);
    if (binaries && majorOf(binaries.version) === majorVersion) return binaries;
  }
  return embedded;
}

function tryBinaries(folder: string): ServerBinaries | undefined {
  try {
    return binariesIn(folder);
  } catch {
    // Not there, or not for this machine: the next folder may do.
    return undefined;
  }
}

/** `18.4.0-beta.17`, `pg_ctl (PostgreSQL) 15.18 (Debian …)`. */
function majorOf(version: string): number {
  return Number(/(\d+)\./.exec(version)?.[1]);
}

/** A run that was killed leaves its server behind. */
async function removeAbandoned(root: string): Promise<void> {
  for (const name of listFolder(root)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    if (!isAlive(pid)) await destroyEmbedded({ directory: join(root, name) });
  }
}

function listFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Not there yet.
    return [];
  }
}

async function describeScratch(
  server: DatabaseTarget,
  { signal }: ScratchOptions,
  stop: () => Promise<void>,
): Promise<ScratchServer> {
  // Not under the signal: cleaning up must not be cut off.
  const administration = await openDatabase({ ...server, database: "postgres" }, { maxConnections: 2 });
  const majorVersion = Math.floor(administration.serverVersion / 10_000);
  const [row] = await administration.query<{ version: string }>("SHOW server_version");
  return {
    description: `PostgreSQL ${row?.version}`,
    majorVersion,
    async createDatabase(template = "template0") {
      const name = `roomctl_scratch_${randomBytes(6).toString("hex")}`;
      await administration.execute(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(template)}`);
      return {
        name,
        open: (options) => openDatabase({ ...server, database: name }, { signal, ...options }),
        async [Symbol.asyncDispose]() {
          await administration.execute(`DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await administration[Symbol.asyncDispose]();
      await stop();
    },
  };
}
