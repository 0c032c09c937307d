-- Sessions on this database besides our own, which a program that was killed leaves until its statements have ended.
SELECT count(*)::int AS left
  FROM pg_stat_activity
 WHERE datname = current_database() AND application_name !~ '^roomctl/drill' AND backend_type = 'client backend'
