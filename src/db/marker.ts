import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Queryable } from "./pool.js";

export const environments = ["development", "staging", "production"] as const;
export type Environment = (typeof environments)[number];

/** Where a database says it belongs. It is stored in the database itself: a URL proves nothing (think of tunnels). */
export interface Marker {
  readonly environment: Environment;
  readonly markedAt: Date;
  readonly markedBy: string;
}

/** The database's marker, or undefined when it never got one; unmarked counts as protected. Writes nothing. */
export async function readMarker(queryable: Queryable): Promise<Marker | undefined> {
  if (!(await hasOwnTable(queryable, "marker"))) return undefined;
  const [marker] = await queryable.query<Marker>(
    'SELECT environment, marked_at AS "markedAt", marked_by AS "markedBy" FROM roomctl.marker',
  );
  return marker;
}

/** Sets or changes the marker. */
export async function writeMarker(connection: Connection, environment: Environment): Promise<void> {
  await ensureOwnSchema(connection);
  await connection.execute(
    `INSERT INTO roomctl.marker (environment) VALUES ($1)
     ON CONFLICT (singleton) DO UPDATE SET environment = excluded.environment, marked_at = clock_timestamp(), marked_by = session_user`,
    [environment],
  );
}
