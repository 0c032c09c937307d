-- What a backup of tables does not hold, each with the reason, so that nothing is left out in silence.
SELECT CASE class.relkind WHEN 'f' THEN 'foreign table' ELSE 'extension table' END AS kind,
       namespace.nspname AS schema,
       class.relname     AS name,
       CASE class.relkind
         WHEN 'f' THEN 'its rows live on another server'
         ELSE 'belongs to an extension, whose own script fills it'
       END AS reason
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND (class.relkind = 'f'
        OR class.relkind = 'r'
       AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e'))
 ORDER BY 2, 3
