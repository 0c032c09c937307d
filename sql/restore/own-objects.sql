-- What is in a database that is not the system's, an extension's, or roomctl's: schemas, relations, functions, types.
SELECT objects.name
  FROM (SELECT 'pg_namespace'::regclass AS class, namespace.oid, namespace.oid AS namespace, 'schema ' || quote_ident(nspname) AS name
          FROM pg_namespace AS namespace WHERE nspname <> 'public'
        UNION ALL
        SELECT 'pg_class'::regclass, oid, relnamespace, 'relation ' || oid::regclass::text FROM pg_class
         WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        UNION ALL
        SELECT 'pg_proc'::regclass, oid, pronamespace, 'function ' || oid::regprocedure::text FROM pg_proc
        UNION ALL
        SELECT 'pg_type'::regclass, oid, typnamespace, 'type ' || format_type(oid, NULL) FROM pg_type
         WHERE typtype IN ('d', 'e', 'r')) AS objects
  JOIN pg_namespace ON pg_namespace.oid = objects.namespace
 WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl', 'roomctl_restore')
   AND nspname NOT LIKE 'pg\_%'
   AND NOT EXISTS (SELECT FROM pg_depend
                    WHERE classid = objects.class AND objid = objects.oid AND deptype = 'e')
 ORDER BY objects.name
 LIMIT 4
