import type { Connection } from "./pool.js";

/**
 * Lets unqualified names of the app's SQL mean the app's schemas. The default path begins with "$user", which for a
 * role called `roomctl` is our own schema: the app's tables would be made in it. Holds until the session ends.
 */
export async function leaveOwnSchemaOut(connection: Connection): Promise<void> {
  await connection.query("SELECT set_config('search_path', $1, false)", [await readAppPath(connection)]);
}

/** The search_path that the session has by itself, without our own schema. */
export async function readAppPath(connection: Connection): Promise<string> {
  const [row] = await connection.query<{ path: string | null }>(
    `SELECT string_agg(entry, ', ' ORDER BY position) AS path
       FROM regexp_matches(current_setting('search_path'), '("(?:[^"]|"")*"|[^,[:space:]]+)', 'g') WITH ORDINALITY AS found (parts, position),
            LATERAL (SELECT parts[1] AS entry) AS one
      WHERE CASE WHEN entry = '"$user"' THEN current_user <> 'roomctl' ELSE trim(entry, '"') <> 'roomctl' END`,
  );
  return row?.path ?? "public";
}
