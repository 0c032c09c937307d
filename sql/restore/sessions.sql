-- Who is connected to a database, other than this session.
SELECT pid, coalesce(usename, '') AS role, coalesce(application_name, '') AS program, coalesce(host(client_addr), 'local') AS host
  FROM pg_stat_activity
 WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')
 ORDER BY pid
