-- Tables in which other tools keep what they applied, in any schema but ours.
SELECT format('%I.%I', nspname, relname) AS "table",
       CASE relname WHEN 'pgmigrations' THEN 'node-pg-migrate' WHEN 'schema_migrations' THEN 'dbmate or Rails'
                    WHEN 'goose_db_version' THEN 'goose' WHEN '_prisma_migrations' THEN 'Prisma'
                    WHEN 'knex_migrations' THEN 'Knex' WHEN 'flyway_schema_history' THEN 'Flyway' END AS tool
  FROM pg_class
  JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'r' AND nspname NOT IN ('roomctl', 'pg_catalog', 'information_schema')
   AND relname IN ('pgmigrations', 'schema_migrations', 'goose_db_version', '_prisma_migrations', 'knex_migrations',
                   'flyway_schema_history')
 ORDER BY 1
