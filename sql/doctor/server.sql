-- What doctor asks of the server; $1 is this machine's time.
SELECT current_setting('server_version')                                        AS version,
       session_user                                                             AS role,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS "usesTls",
       pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "isReadOnly",
       has_database_privilege(current_database(), 'CREATE')                     AS "mayCreate",
       (extract(epoch FROM clock_timestamp() - $1::timestamptz) * 1000)::float8 AS "clockSkewMs"
