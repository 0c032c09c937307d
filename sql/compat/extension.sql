-- Where pg_stat_statements is installed in this database, if it is.
SELECT nspname AS schema
  FROM pg_catalog.pg_extension AS extension
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = extension.extnamespace
 WHERE extname = 'pg_stat_statements'
