-- Logical replication slots of this database: who reads them will see the deletion. $1 is where the log ends, or null.
SELECT slot_name::text                  AS name,
       plugin::text                     AS plugin,
       active                           AS "isActive",
       wal_status                       AS "walStatus",
       pg_wal_lsn_diff($1::pg_lsn, restart_lsn)::float8 AS "retainedBytes"
  FROM pg_replication_slots
 WHERE slot_type = 'logical'
   AND database = current_database()
 ORDER BY slot_name
