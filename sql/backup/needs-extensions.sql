-- Extensions that somebody created: those that initdb made are everywhere.
SELECT extname AS name, extversion AS version, nspname AS schema
  FROM pg_extension
  JOIN pg_namespace ON pg_namespace.oid = extnamespace
 WHERE pg_extension.oid >= 16384
 ORDER BY extname COLLATE "C"
