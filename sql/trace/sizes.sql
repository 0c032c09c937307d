-- How large tables are, by schema ($1) and name ($2). Rows are what VACUUM or ANALYZE counted last; null before the first.
SELECT namespace.nspname                                   AS schema,
       class.relname                                       AS name,
       CASE WHEN class.reltuples >= 0 THEN class.reltuples::float8 END AS rows,
       pg_catalog.pg_table_size(class.oid)::float8         AS "tableBytes",
       pg_catalog.pg_indexes_size(class.oid)::float8       AS "indexBytes"
  FROM unnest($1::text[], $2::text[]) AS wanted (schema, name)
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = wanted.schema
  JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = wanted.name
 WHERE class.relkind IN ('r', 'm', 'p')
