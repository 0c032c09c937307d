-- The app's tables that hold rows of their own.
SELECT nspname AS schema, relname AS name
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'r' AND relpersistence <> 't'
   AND nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'roomctl')
 ORDER BY nspname, relname
