-- One value for the files that the app's tables are in: TRUNCATE and whatever rewrites a whole table give it another one.
SELECT coalesce(sum(hashint8extended((pg_class.oid::int8 << 32) | relfilenode::int8, 0)), 0)::text AS files
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'r' AND relpersistence <> 't' AND nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
