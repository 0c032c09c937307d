-- Relations of this database that other sessions have locked even against reading, and who has.
SELECT relation::regclass::text AS relation, pg_locks.pid, coalesce(nullif(application_name, ''), backend_type) AS program,
       usename AS role
  FROM pg_catalog.pg_locks
  JOIN pg_catalog.pg_class ON pg_class.oid = relation AND relkind IN ('r', 'p', 'v', 'm', 'f')
  LEFT JOIN pg_catalog.pg_stat_activity AS activity ON activity.pid = pg_locks.pid
 WHERE database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
   AND granted AND mode = 'AccessExclusiveLock' AND pg_locks.pid <> pg_backend_pid() AND relation >= 16384
 ORDER BY 1
