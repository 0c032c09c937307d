-- The schema public comes with a comment: it is told where it is another, or (as null) where it is gone.
SELECT catalog.relname::text AS catalog, objoid AS object, attname::text AS column, description AS text
  FROM pg_description
  JOIN pg_class AS catalog ON catalog.oid = classoid
  LEFT JOIN pg_attribute ON objsubid > 0 AND classoid = 'pg_class'::regclass AND attrelid = objoid AND attnum = objsubid
 WHERE (objoid >= 16384 OR objoid = 2200 AND classoid = 'pg_namespace'::regclass AND description <> 'standard public schema')
   -- An extension's objects come with their comments.
   AND (classoid, objoid) NOT IN (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
UNION ALL
SELECT 'pg_namespace', oid, NULL, NULL
  FROM pg_namespace WHERE nspname = 'public' AND obj_description(oid, 'pg_namespace') IS NULL
 ORDER BY 1, 2, 3 NULLS FIRST
