import { RoomctlError } from "../core/errors.js";
import { type Environment, type Marker, type MarkerOrigin, readMarker } from "../db/marker.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { readIfAllowed } from "./allowed.js";

/** Where a wipe would happen: as configured, as the server says it, and what tells a busy database from an idle one. */
export interface Place {
  readonly database: string;
  readonly databaseOid: number;
  /** The whole database; null where the role may not ask. */
  readonly databaseSizeBytes: number | null;
  /** As configured: `localhost:5432`. */
  readonly host: string;
  /** Never with the password. */
  readonly url: string;
  /** As the server sees itself; null over a Unix socket. */
  readonly serverAddress: string | null;
  /** `18.3`. */
  readonly serverVersion: string;
  /** Made by initdb, and the same for the life of the cluster. */
  readonly systemIdentifier: string;
  readonly role: string;
  /** Absent, with how, when and by whom, when the database was never marked. */
  readonly environment?: Environment;
  readonly markerOrigin?: MarkerOrigin;
  readonly markedAt?: Date;
  readonly markedBy?: string;
  /** Null when nothing tells it. */
  readonly lastWrite: LastWrite | null;
}

/** When somebody last wrote, as far as that shows. Both ways may name a moment before the real one, or beside it. */
export interface LastWrite {
  readonly at: Date;
  /**
   * `server`: the last commit in any database of the server, which it keeps with track_commit_timestamp on. `column`: the
   * newest value of a column of the plan's tables whose default is the current time; an UPDATE need not touch it.
   */
  readonly from: "server" | "column";
  /** `messages.sent_at`; absent for `server`. */
  readonly column?: string;
}

interface ServerRow {
  readonly database: string;
  readonly databaseOid: number;
  readonly systemIdentifier: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly role: string;
  readonly serverVersion: string;
  readonly tracksCommits: boolean;
}

/**
 * Reads which database this is, inside a transaction. `lastWrite` is of the whole server, where that keeps it, else
 * null: `latestWrite` then takes it from the tables. Throws nothing for what the role may not read.
 */
export async function readPlace(connection: Connection, database: Database): Promise<Place> {
  const [server] = await connection.query<ServerRow>(loadStatement("wipe/server"));
  if (!server) throw new RoomctlError("E_INTERNAL", "the server does not say which database this is");
  const marker = await readMarker(connection);
  return {
    database: server.database,
    databaseOid: server.databaseOid,
    databaseSizeBytes: await readDatabaseSize(connection),
    host: `${database.target.host}:${database.target.port}`,
    url: database.url,
    serverAddress: server.address === null ? null : `${server.address}:${server.port}`,
    serverVersion: server.serverVersion,
    systemIdentifier: server.systemIdentifier,
    role: server.role,
    ...(marker ? describeMarker(marker) : {}),
    lastWrite: server.tracksCommits ? await readLastCommit(connection) : null,
  };
}

/** The place's own last write, or else the latest of those that the tables told. */
export function latestWrite(place: Place, written: readonly (LastWrite | null)[]): LastWrite | null {
  if (place.lastWrite) return place.lastWrite;
  return written.reduce((latest, one) => (one && (!latest || one.at > latest.at) ? one : latest), null);
}

function describeMarker({ environment, origin, markedAt, markedBy }: Marker) {
  return { environment, markerOrigin: origin, markedAt, markedBy };
}

async function readDatabaseSize(connection: Connection): Promise<number | null> {
  const rows = await readIfAllowed<{ sizeBytes: number }>(
    connection,
    'SELECT pg_database_size(current_database())::float8 AS "sizeBytes"',
  );
  return rows?.[0]?.sizeBytes ?? null;
}

async function readLastCommit(connection: Connection): Promise<LastWrite | null> {
  const rows = await readIfAllowed<{ at: Date | null }>(
    connection,
    'SELECT "timestamp" AS at FROM pg_last_committed_xact()',
  );
  const at = rows?.[0]?.at;
  return at ? { at, from: "server" } : null;
}
