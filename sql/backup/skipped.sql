-- What a backup of tables does not hold, each with the reason, so that nothing is left out in silence.
SELECT CASE class.relkind WHEN 'f' THEN 'foreign table' WHEN 'm' THEN 'materialized view' ELSE 'extension table' END AS kind,
       namespace.nspname AS schema,
       class.relname     AS name,
       CASE class.relkind
         WHEN 'f' THEN 'its rows live on another server'
         WHEN 'm' THEN 'derived: run REFRESH MATERIALIZED VIEW after a restore'
         ELSE 'belongs to an extension, whose own script fills it'
       END AS reason
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND (class.relkind IN ('f', 'm')
        OR class.relkind = 'r'
       AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e'))
UNION ALL
SELECT 'large objects', 'pg_catalog', 'pg_largeobject', 'large objects are not read: ' || count(*) || ' of them'
  FROM pg_largeobject_metadata HAVING count(*) > 0
 ORDER BY 2, 3
