-- Of relations $1: bytes with indexes and TOAST, and how many rows the server believes in (-1 or 0 when it never looked).
SELECT oid::int8::float8                            AS oid,
       coalesce(pg_total_relation_size(oid), 0)::float8 AS "sizeBytes",
       reltuples::float8                            AS "estimatedRows"
  FROM pg_class
 WHERE oid = ANY ($1::oid[])
