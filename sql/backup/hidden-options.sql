-- User mappings whose options, if they have any, this role may not see: see the manual's page on pg_user_mappings.
SELECT srvname AS server, usename AS role
  FROM pg_user_mappings
 WHERE umoptions IS NULL
   AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
 ORDER BY srvname COLLATE "C", usename COLLATE "C"
