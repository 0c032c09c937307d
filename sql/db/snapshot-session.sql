-- Fixes the settings $2 to the values $3, and says what they were, what this server is and which of the catalogs $1 this
-- role may read. A catalog of which only some columns may be read counts as readable: those are the ones that are asked for.
WITH known AS MATERIALIZED (
    SELECT array_agg(current_setting(name) ORDER BY position) AS before
      FROM unnest($2::text[]) WITH ORDINALITY AS setting (name, position)
)
SELECT known.before,
       current_setting('server_version_num')::int AS version,
       (SELECT array_agg(relname::text) FROM pg_catalog.pg_class
         WHERE relnamespace = 'pg_catalog'::regnamespace AND relname = ANY ($1::text[])
           AND (has_table_privilege(oid, 'SELECT') OR has_any_column_privilege(oid, 'SELECT'))) AS readable,
       EXISTS (SELECT FROM pg_catalog.pg_user_mappings AS mapping JOIN pg_catalog.pg_foreign_server AS server ON server.oid = srvid
                WHERE mapping.umoptions IS NULL
                  AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
                  AND umuser <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)) AS "hasHiddenOptions",
       (SELECT count(set_config(name, value, false)) FROM known, unnest($2::text[], $3::text[]) AS setting (name, value)
         WHERE known.before IS NOT NULL) AS fixed
  FROM known
