-- Servers that replay this one's log, the readers of logical slots left out. A role without pg_read_all_stats sees their
-- names only. $1 is where the log ends, or null.
SELECT coalesce(nullif(application_name, ''), 'a standby') AS name,
       host(client_addr)                AS address,
       state,
       sync_state                       AS "syncState",
       pg_wal_lsn_diff($1::pg_lsn, replay_lsn)::float8 AS "lagBytes",
       (extract(epoch FROM replay_lag) * 1000)::float8 AS "lagMs"
  FROM pg_stat_replication AS sender
 WHERE state IS DISTINCT FROM 'backup'
   AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE active_pid = sender.pid AND slot_type = 'logical')
 ORDER BY application_name, pid
