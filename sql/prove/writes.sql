-- What this transaction wrote so far, by relation: rows of the app's tables, and of the catalog. Counted by the server as it
-- happens, so rows that a subtransaction took back are among them. pg_statistic is no definition of anything.
SELECT CASE WHEN nspname = 'public' THEN relname ELSE nspname || '.' || relname END AS relation,
       nspname = 'pg_catalog' AS "isCatalog",
       (inserted + updated + deleted)::float8 AS writes
  FROM (SELECT nspname, relname,
               pg_stat_get_xact_tuples_inserted(class.oid) AS inserted,
               pg_stat_get_xact_tuples_updated(class.oid) AS updated,
               pg_stat_get_xact_tuples_deleted(class.oid) AS deleted
          FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = relnamespace
         WHERE relkind IN ('r', 'm') AND relpersistence <> 't'
           AND nspname NOT IN ('information_schema', 'roomctl') AND relname <> 'pg_statistic') AS counted
 WHERE inserted + updated + deleted > 0
