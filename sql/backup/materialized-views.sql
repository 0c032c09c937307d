-- Materialized views so that each comes after those that it reads, directly, through views, or through functions whose body
-- PostgreSQL knows. What reads another reaches all that the other reaches, and the other: counting them gives the order.
WITH RECURSIVE reads (reader, read) AS (
       -- A view reads through its rule.
       SELECT ARRAY['pg_class'::regclass::oid, ev_class], ARRAY[refclassid, refobjid]
         FROM pg_depend
         JOIN pg_rewrite ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
        WHERE refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)
          AND NOT (refclassid = 'pg_class'::regclass AND refobjid = ev_class)
       UNION
       SELECT ARRAY[classid, objid], ARRAY[refclassid, refobjid]
         FROM pg_depend
        WHERE classid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
          AND refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)
     ),
     view_ AS (
       SELECT oid, relnamespace, relname, relispopulated, ARRAY['pg_class'::regclass::oid, oid] AS object
         FROM pg_class
        WHERE relkind = 'm'
          -- Those of extensions are filled by their scripts.
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
     ),
     reached (oid, object) AS (
       SELECT oid, object FROM view_
       UNION
       SELECT reached.oid, reads.read FROM reached JOIN reads ON reads.reader = reached.object
     )
SELECT nspname AS schema, relname AS name, relispopulated AS "isPopulated"
  FROM view_
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
 ORDER BY (SELECT count(*) FROM reached JOIN view_ AS other ON other.object = reached.object WHERE reached.oid = view_.oid),
          nspname COLLATE "C", relname COLLATE "C"
