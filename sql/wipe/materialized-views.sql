-- Filled materialized views that read the tables $1 (oids): themselves, through views and materialized views at any depth,
-- through functions whose body the catalog knows, and through a table that these are partitions of or inherit from. Who
-- reads what is gathered once: asked for each step anew, it took seconds on 200 tables.
WITH RECURSIVE edge (from_class, from_oid, to_class, to_oid) AS MATERIALIZED (
  SELECT refclassid, refobjid, 'pg_class'::regclass::oid, ev_class
    FROM pg_depend
    JOIN pg_rewrite ON pg_rewrite.oid = objid
   WHERE classid = 'pg_rewrite'::regclass AND refobjid >= 16384
  UNION
  SELECT refclassid, refobjid, classid, objid
    FROM pg_depend
   WHERE classid = 'pg_proc'::regclass AND refobjid >= 16384
  UNION
  SELECT 'pg_class'::regclass, inhrelid, 'pg_class'::regclass, inhparent
    FROM pg_inherits
), read (origin, class, oid) AS (
  SELECT oid, 'pg_class'::regclass::oid, oid FROM unnest($1::oid[]) AS oid
  UNION
  SELECT read.origin, edge.to_class, edge.to_oid
    FROM read
    JOIN edge ON edge.from_class = read.class AND edge.from_oid = read.oid
)
SELECT DISTINCT read.origin::int8::float8 AS oid, nspname::text AS schema, relname::text AS name
  FROM read
  JOIN pg_class AS view ON view.oid = read.oid AND read.class = 'pg_class'::regclass
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'm' AND relispopulated
 ORDER BY 1, 2, 3
