-- Rows of the tables $1 (oids) as VACUUM or ANALYZE found them last; -1 where neither ever looked.
SELECT oid::int8::float8 AS oid, reltuples::float8 AS rows
  FROM pg_class
 WHERE oid = ANY ($1::oid[])
