-- Other tools' backups of this database ($1: their names). pg_basebackup copies the whole cluster, and so is connected to no database.
SELECT pid AS "processId", application_name AS "applicationName"
  FROM pg_stat_activity
 WHERE application_name = ANY ($1::text[])
   AND (datname = current_database() OR datname IS NULL)
 ORDER BY pid
