import type { Connection } from "./pool.js";

/**
 * Lets unqualified names of the app's SQL mean the app's schemas. The default path begins with "$user", which for a
 * role called `roomctl` is our own schema: the app's tables would be made in it. Holds until the session ends.
 */
export async function leaveOwnSchemaOut(connection: Connection): Promise<void> {
  await connection.query(
    `SELECT set_config('search_path', coalesce(
              (SELECT string_agg(quote_ident(schema), ', ' ORDER BY position)
                 FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, position)
                WHERE schema <> 'roomctl'), 'public'), false)`,
  );
}
