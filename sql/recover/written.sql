-- Tables of the app that this transaction has written to, as far as the server counts that (track_counts).
SELECT schemaname AS schema, relname AS name
  FROM pg_stat_xact_user_tables
 WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 AND schemaname <> 'roomctl' AND schemaname !~ '^pg_temp'
 ORDER BY schemaname, relname
