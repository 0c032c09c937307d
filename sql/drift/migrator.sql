-- The role that migrates: who owns roomctl's history.
SELECT pg_catalog.pg_get_userbyid(relowner) AS role, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(relowner)) AS quoted
  FROM pg_catalog.pg_class
  JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
 WHERE nspname = 'roomctl' AND relname = 'migrations'
