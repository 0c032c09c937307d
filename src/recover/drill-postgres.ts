import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { findEmbeddedBinaries, serverUser } from "../db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../db/embedded.js";
import { quoteIdentifier } from "../db/identifier.js";
import { type Database, openDatabase } from "../db/pool.js";
import { runProgram } from "../db/program.js";
import {
  makeScratchFolder,
  removeAbandonedServers,
  removeEmptyFolders,
  scratchFolderName,
  scratchRoot,
} from "../db/scratch-leftovers.js";
import type { DatabaseTarget } from "../db/target.js";

/** A throw-away PostgreSQL that keeps what it commits: durability is what a drill is about. Gone when it is disposed. */
export interface DrillPostgres extends AsyncDisposable {
  readonly target: DatabaseTarget;
  /** `PostgreSQL 18.4, fsync on, synchronous_commit on`. */
  readonly description: string;
  /** An empty database, or a copy of another one. */
  createDatabase(template?: string): Promise<DatabaseTarget>;
  /** As when its machine loses power: no checkpoint, and a recovery from its log at the next start. */
  stopAtOnce(): Promise<void>;
  /** Starts it again, on the same port. */
  restart(): Promise<void>;
}

/** Throws E_EMBEDDED when it cannot be started, or would not keep what it commits. */
export async function openDrillPostgres(
  stateDirectory: string,
  signal: AbortSignal | undefined,
): Promise<DrillPostgres> {
  const hadFolder = existsSync(stateDirectory);
  const root = scratchRoot(stateDirectory);
  await removeAbandonedServers(root, signal);
  const directory = join(root, scratchFolderName());
  makeScratchFolder(directory);
  const stop = async () => {
    await destroyEmbedded({ directory });
    removeEmptyFolders(hadFolder ? [root] : [root, stateDirectory]);
  };
  try {
    return await describe(directory, stop, signal);
  } catch (error) {
    await stop();
    throw error;
  }
}

const settings = { fsync: "on", synchronous_commit: "on", full_page_writes: "on", max_connections: "100" };

async function describe(
  directory: string,
  stop: () => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<DrillPostgres> {
  const { target, dataDirectory } = await startEmbedded({ directory, settings, signal });
  const description = await describeDurability(target);
  const administer = async (sql: string) => {
    await using database = await openDatabase({ ...target, database: "postgres" }, { maxConnections: 1 });
    await database.execute(sql);
  };
  return {
    target,
    description,
    async createDatabase(template = "template0") {
      const name = `drill_${randomBytes(4).toString("hex")}`;
      await administer(`CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(template)}`);
      return { ...target, database: name };
    },
    async stopAtOnce() {
      const user = serverUser();
      const { pgCtl } = await findEmbeddedBinaries(user);
      await runProgram(pgCtl, ["stop", "-D", dataDirectory, "-m", "immediate", "-w", "-t", "60"], user);
    },
    async restart() {
      const { target: again } = await startEmbedded({ directory, settings });
      if (again.port === target.port) return;
      throw new RoomctlError(
        "E_EMBEDDED",
        "another program took the port of the drill's PostgreSQL while it was down",
        {
          hint: "run the drill again",
        },
      );
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function describeDurability(target: DatabaseTarget): Promise<string> {
  await using database: Database = await openDatabase(target, { maxConnections: 1 });
  const [row] = await database.query<{ version: string; fsync: string; commit: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
            current_setting('synchronous_commit') AS commit`,
  );
  if (row?.fsync !== "on" || row.commit !== "on") {
    throw new RoomctlError(
      "E_EMBEDDED",
      "this PostgreSQL does not keep what it commits, so nothing can be proved on it",
    );
  }
  return `PostgreSQL ${row.version}, fsync on, synchronous_commit on`;
}
