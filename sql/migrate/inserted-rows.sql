-- What this transaction inserted so far, by table; roomctl's own tables are not of interest.
SELECT CASE WHEN schemaname = 'public' THEN relname ELSE schemaname || '.' || relname END AS "table",
       n_tup_ins::float8 AS rows
  FROM pg_stat_xact_user_tables
 WHERE n_tup_ins > 0 AND schemaname <> 'roomctl'
 ORDER BY schemaname, relname
