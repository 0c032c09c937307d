-- Names of the app's tables and of their ancestors. It opens none of them, so it waits for no lock.
SELECT class.oid::int8::float8 AS oid,
       namespace.nspname      AS schema,
       class.relname          AS name,
       CASE class.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END AS kind
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'f')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
 ORDER BY namespace.nspname, class.relname
