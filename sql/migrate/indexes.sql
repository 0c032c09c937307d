-- Indexes with their validity; the caller says which.
SELECT indexrelid::int8::float8 AS oid,
       nspname                  AS schema,
       relname                  AS name,
       indisvalid               AS "isValid",
       -- Of a session whose progress this role may see.
       EXISTS (SELECT FROM pg_stat_progress_create_index AS build WHERE build.index_relid = indexrelid) AS "isBuilding"
  FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
