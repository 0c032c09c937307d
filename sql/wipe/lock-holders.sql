-- Who holds a lock on one of these relations in the current database: $1 oids. Run when our own locks are gone.
SELECT DISTINCT activity.pid                  AS "processId",
       coalesce(nullif(activity.application_name, ''), 'a session') AS name,
       coalesce(activity.state, 'unknown')    AS state
  FROM pg_locks AS held
  JOIN pg_stat_activity AS activity USING (pid)
 WHERE held.locktype = 'relation'
   AND held.granted
   AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND held.relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
   AND held.pid <> pg_backend_pid()
 ORDER BY activity.pid
 LIMIT 5
