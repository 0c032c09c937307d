-- ALTER DATABASE ... SET first, then ALTER ROLE ... IN DATABASE ... SET.
SELECT rolname AS role,
       split_part(setting, '=', 1) AS name,
       substr(setting, strpos(setting, '=') + 1) AS value
  FROM pg_db_role_setting
 CROSS JOIN LATERAL unnest(setconfig) WITH ORDINALITY AS configured (setting, position)
  LEFT JOIN pg_roles ON pg_roles.oid = setrole
 WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY rolname COLLATE "C" NULLS FIRST, position
