import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Database, Queryable } from "./pool.js";
import { isOnThisMachine } from "./this-machine.js";

export const environments = ["development", "staging", "production"] as const;
export type Environment = (typeof environments)[number];

/** Whether somebody said what the database is for, or a first migrate took it to be for development because nobody did. */
export type MarkerOrigin = "said" | "assumed";

/** Where a database says it belongs. It is stored in the database itself: a URL proves nothing (think of tunnels). */
export interface Marker {
  readonly environment: Environment;
  readonly origin: MarkerOrigin;
  readonly markedAt: Date;
  readonly markedBy: string;
}

/** The database's marker, or undefined when it never got one; unmarked counts as protected. Writes nothing. */
export async function readMarker(queryable: Queryable): Promise<Marker | undefined> {
  if (!(await hasOwnTable(queryable, "marker"))) return undefined;
  // An older release's table has no origin: it marked nothing on an assumption that is not safe.
  const [marker] = await queryable.query<Marker>(
    `SELECT environment, coalesce(to_jsonb(marker) ->> 'origin', 'said') AS origin,
            marked_at AS "markedAt", marked_by AS "markedBy"
       FROM roomctl.marker`,
  );
  return marker;
}

/** True when less consent is enough: marked development, because somebody said so, or assumed on this machine. */
export async function isForDevelopment(database: Database, marker: Marker | undefined): Promise<boolean> {
  if (marker?.environment !== "development") return false;
  if (marker.origin === "said") return true;
  await using connection = await database.connect();
  return await isOnThisMachine(connection);
}

/** Sets or changes the marker. */
export async function writeMarker(
  connection: Connection,
  environment: Environment,
  origin: MarkerOrigin = "said",
): Promise<void> {
  await ensureOwnSchema(connection);
  await connection.execute(
    `INSERT INTO roomctl.marker (environment, origin) VALUES ($1, $2)
     ON CONFLICT (singleton) DO UPDATE SET environment = excluded.environment, origin = excluded.origin,
                                           marked_at = clock_timestamp(), marked_by = session_user`,
    [environment, origin],
  );
}
