-- Tables that statements touch which name these relations ($1), whatever their schema: the tables themselves, those below
-- them, and those on the other side of a foreign key, which are checked too. isKnown is false when one of the names is a
-- view's: what its query reads is not looked for.
WITH RECURSIVE named (oid) AS (
  SELECT coalesce(index.indrelid, class.oid)
    FROM pg_catalog.pg_class AS class
    LEFT JOIN pg_catalog.pg_index AS index ON index.indexrelid = class.oid
   WHERE class.relname = ANY ($1) AND class.oid >= 16384
), below (oid) AS (
  SELECT oid FROM named
  UNION
  SELECT inhrelid FROM below JOIN pg_catalog.pg_inherits ON inhparent = below.oid
), touched (oid) AS (
  SELECT oid FROM below
  UNION
  SELECT conrelid FROM below JOIN pg_catalog.pg_constraint ON confrelid = below.oid
)
SELECT namespace.nspname AS schema, class.relname AS name, class.relkind NOT IN ('v', 'm') AS "isKnown"
  FROM touched
  JOIN pg_catalog.pg_class AS class ON class.oid = touched.oid
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
