-- Every relation that a migration may lock, with its storage file and how often it was scanned: in this transaction, or
-- ($1) by all sessions so far. Nothing here opens a relation.
SELECT class.oid::int8::float8                            AS oid,
       namespace.nspname                                  AS schema,
       class.relname                                      AS name,
       class.relkind                                      AS kind,
       index.indrelid::int8::float8                       AS "tableOid",
       pg_catalog.pg_relation_filenode(class.oid)::int8::float8 AS "fileNode",
       CASE WHEN $1 THEN pg_catalog.pg_stat_get_numscans(class.oid)
            ELSE pg_catalog.pg_stat_get_xact_numscans(class.oid) END::float8         AS scans,
       CASE WHEN $1 THEN pg_catalog.pg_stat_get_tuples_returned(class.oid)
            ELSE pg_catalog.pg_stat_get_xact_tuples_returned(class.oid) END::float8  AS "rowsRead"
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
  LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
 WHERE class.relkind IN ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'f')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'roomctl_trace')
