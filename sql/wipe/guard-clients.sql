-- Client sessions of this database that are not of this process ($1: its server processes). Of others' sessions a role
-- without pg_read_all_stats sees neither kind, address nor state, but who they are: a background process has no user,
-- and a sender of WAL is told by another view.
SELECT activity.application_name              AS application,
       activity.usename                       AS role,
       host(activity.client_addr)             AS address,
       activity.state                         AS state,
       CASE WHEN activity.state = 'idle' THEN extract(epoch FROM clock_timestamp() - activity.state_change)::float8 END AS "idleSeconds",
       activity.application_name = current_setting('application_name') AS "isOfOurName"
  FROM pg_stat_activity AS activity
 WHERE activity.datname = current_database()
   AND activity.pid <> pg_backend_pid()
   AND activity.pid <> ALL ($1::int[])
   AND activity.usesysid IS NOT NULL
   AND coalesce(activity.backend_type, 'client backend') = 'client backend'
   AND NOT EXISTS (SELECT FROM pg_stat_replication AS sender WHERE sender.pid = activity.pid)
 ORDER BY activity.application_name, activity.usename, activity.pid
