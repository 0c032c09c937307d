-- Who needs whom among the app's objects. Those that initdb made have numbers below 16384; they are always there, except
-- the schema public.
SELECT dependent.relname::text AS catalog, objid AS object, referenced.relname::text AS "refCatalog", refobjid AS "refObject", deptype AS type
  FROM pg_depend
  JOIN pg_class AS dependent ON dependent.oid = classid
  JOIN pg_class AS referenced ON referenced.oid = refclassid
 WHERE objid >= 16384 AND (refobjid >= 16384 OR refclassid = 'pg_namespace'::regclass)
