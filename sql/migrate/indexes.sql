-- Indexes with their validity; the caller says which.
SELECT indexrelid::int8::float8 AS oid,
       nspname                  AS schema,
       relname                  AS name,
       indisvalid               AS "isValid"
  FROM pg_index
  JOIN pg_class ON pg_class.oid = indexrelid
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
