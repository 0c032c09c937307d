-- What this transaction holds by now: each relation that it has locked, in its strongest mode, as it is at this moment.
-- A relation that it has dropped has no kind. System catalogs have smaller numbers. What is newer than $2 was made since:
-- of that only indexes of older tables are told. The note of rewrites is in one row only: it may be long.
SELECT locked.relation::int8::float8                      AS oid,
       locked.strength                                    AS strength,
       namespace.nspname                                  AS schema,
       class.relname                                      AS name,
       class.relkind                                      AS kind,
       index.indrelid::int8::float8                       AS "tableOid",
       pg_catalog.pg_relation_filenode(class.oid)::int8::float8                    AS "fileNode",
       pg_catalog.pg_stat_get_xact_numscans(locked.relation)::float8               AS scans,
       pg_catalog.pg_stat_get_xact_tuples_returned(locked.relation)::float8        AS "rowsRead",
       CASE WHEN pg_catalog.row_number() OVER () = 1
            THEN pg_catalog.current_setting('roomctl_trace.rewrites', true) END     AS rewrites
  FROM (SELECT relation, max(pg_catalog.array_position($1::text[], mode)) AS strength
          FROM pg_catalog.pg_locks
         WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
           AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
         GROUP BY relation) AS locked
  LEFT JOIN pg_catalog.pg_class AS class ON class.oid = locked.relation
  LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
  LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
 WHERE class.oid IS NULL
    OR (locked.relation::int8 <= $2 OR index.indrelid::int8 <= $2)
   AND class.relkind IN ('r', 'p', 'i', 'I', 'v', 'm', 'S', 'f') AND class.relpersistence <> 't' AND namespace.nspname <> 'pg_toast'
