import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { binariesIn, findEmbeddedBinaries, type ServerBinaries, serverUser } from "./binaries.js";
import { explainFullDisk } from "./disk.js";
import { startEmbedded } from "./embedded.js";
import { quoteIdentifier } from "./identifier.js";
import { type Connection, type Database, type OpenOptions, openDatabase } from "./pool.js";
import {
  claimDatabase,
  dropAbandonedDatabases,
  dropScratchDatabase,
  makeScratchFolder,
  removeAbandonedServers,
  removeEmptyFolders,
  removeServer,
  scratchFolderName,
  scratchRoot,
} from "./scratch-leftovers.js";
import { codeOf, sqlstate } from "./sqlstate.js";
import type { DatabaseTarget } from "./target.js";

/** A PostgreSQL to try things on: nothing that happens there matters, and it is gone at the end of its `await using` scope. */
export interface ScratchServer extends AsyncDisposable {
  /** For people: "PostgreSQL 15.18", with where it came from. */
  readonly description: string;
  readonly majorVersion: number;
  /**
   * A new database, empty or a copy of another one of this server (which nobody may be connected to meanwhile). `options`
   * of CREATE DATABASE, as SQL, go with an empty one: `ENCODING 'LATIN1'`.
   */
  createDatabase(template?: string, options?: string): Promise<ScratchDatabase>;
  /** Throws E_EMBEDDED naming the extensions that could not be created here, and the flag that leads out of it. */
  requireExtensions(names: readonly string[]): Promise<void>;
  /** What to throw for an error that something here ended with: E_DISK_FULL with disk and folder where that was why. */
  explain(error: unknown): unknown;
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
  /** Told of databases on `target` that could not be dropped. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Starts a throw-away server: of the wanted major version where this machine has its programs, else the embedded one.
 * Throws E_EMBEDDED when there is none at all.
 */
export async function openScratch(options: ScratchOptions): Promise<ScratchServer> {
  const warn = options.onWarning ?? (() => {});
  if (options.target) {
    return describeScratch(options.target, options, { warn, stop: async () => {}, explain: (error) => error });
  }
  const hadFolder = existsSync(options.directory);
  const root = scratchRoot(options.directory);
  const directory = join(root, scratchFolderName());
  const explain = (error: unknown) => explainFullDisk(error, directory);
  const stop = async () => {
    await removeServer(directory);
    removeEmptyFolders(hadFolder ? [root] : [root, options.directory]);
  };
  await removeAbandonedServers(root, options.signal);
  const server = {
    directory,
    binaries: await chooseBinaries(options.majorVersion),
    settings: scratchSettings,
    signal: options.signal,
  };
  try {
    makeScratchFolder(directory);
    const { target } = await startEmbedded(server);
    options.signal?.throwIfAborted();
    // Its databases go with the server, whether each could be dropped or not.
    return await describeScratch(target, options, { stop, explain, warn: () => {} });
  } catch (error) {
    const explained = explain(error);
    await stop();
    throw explained;
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

interface Ways {
  readonly stop: () => Promise<void>;
  readonly explain: (error: unknown) => unknown;
  readonly warn: (message: string) => void;
}

async function describeScratch(
  server: DatabaseTarget,
  { target, signal }: ScratchOptions,
  { stop, explain, warn }: Ways,
): Promise<ScratchServer> {
  // Not under the signal: cleaning up must not be cut off.
  const administration = await openDatabase(
    { ...server, database: target ? server.database : "postgres" },
    { applicationName: "roomctl/scratch", maxConnections: 2, lockTimeoutMs: 0 },
  );
  const session = await administration.connect();
  try {
    if (target) await dropAbandonedDatabases(session, warn);
  } catch (error) {
    session.discard();
    await administration[Symbol.asyncDispose]();
    throw error;
  }
  const majorVersion = Math.floor(administration.serverVersion / 10_000);
  const [row] = await session.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  return {
    description: `PostgreSQL ${row?.version}`,
    majorVersion,
    async createDatabase(template = "template0", words = "") {
      const name = `roomctl_scratch_${randomBytes(6).toString("hex")}`;
      await claimDatabase(session, name);
      await createDatabase(session, name, `${quoteIdentifier(template)} ${words}`);
      return {
        name,
        async open(options) {
          signal?.throwIfAborted();
          return await openDatabase({ ...server, database: name }, { signal, ...options });
        },
        async [Symbol.asyncDispose]() {
          await dropScratchDatabase(session, name, warn);
        },
      };
    },
    explain,
    requireExtensions: (names) => requireExtensions(session, names),
    async [Symbol.asyncDispose]() {
      // With the session go its claims.
      session.discard();
      await administration[Symbol.asyncDispose]();
      await stop();
    },
  };
}

async function createDatabase(session: Connection, name: string, words: string): Promise<void> {
  try {
    await session.execute(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${words}`);
  } catch (cause) {
    if (codeOf(cause) !== sqlstate.insufficientPrivilege) throw cause;
    throw new RoomctlError("E_PRIVILEGE", "the role of the scratch server may not create databases", {
      hint: "give it the right with ALTER ROLE … CREATEDB, or leave --scratch-url out to use a server of roomctl's own",
      cause,
    });
  }
}

async function requireExtensions(session: Connection, names: readonly string[]): Promise<void> {
  const known = await session.query<{ name: string }>("SELECT name FROM pg_available_extensions");
  const available = new Set(known.map(({ name }) => name));
  const missing = [...new Set(names)].filter((name) => !available.has(name));
  if (missing.length === 0) return;
  const what = missing.length === 1 ? `the extension ${missing[0]} is` : `the extensions ${missing.join(", ")} are`;
  throw new RoomctlError("E_EMBEDDED", `${what} not installed on the scratch server`, {
    hint: "name a server that has them, where databases may be made and dropped, with --scratch-url URL",
  });
}
