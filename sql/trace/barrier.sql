-- Tables that a statement names ($1, whatever their schema), itself or by an index, and those below them, in the order in
-- which it comes to them.
WITH RECURSIVE named (oid, place) AS (
  SELECT coalesce(index.indrelid, class.oid), pg_catalog.array_position($1::text[], class.relname::text)
    FROM pg_catalog.pg_class AS class
    LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
   WHERE class.relname = ANY ($1) AND class.oid >= 16384
), below (oid, place) AS (
  SELECT oid, place FROM named
  UNION
  SELECT inhrelid, place FROM below JOIN pg_catalog.pg_inherits ON inhparent = below.oid
), placed (oid, place) AS (
  SELECT oid, min(place) FROM below GROUP BY oid
)
SELECT class.oid::int8::float8 AS oid, namespace.nspname AS schema, class.relname AS name
  FROM placed
  JOIN pg_catalog.pg_class AS class ON class.oid = placed.oid
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p') AND class.relpersistence <> 't'
 ORDER BY place, class.oid
 LIMIT 100
