-- What this session wrote, by table: rows of the app and of the catalog, as the server counts them, so those that a subtransaction
-- took back are among them. Earlier transactions may be among it, so what counts is the difference between two looks.
-- pg_statistic is no definition of anything.
SELECT coalesce(json_object_agg(format('%I.%I', (SELECT nspname FROM pg_namespace WHERE oid = relnamespace), relname),
                                json_build_object('written', inserted + updated + deleted, 'growth', inserted - deleted)),
                '{}')                              AS tables,
       pg_current_xact_id_if_assigned()::xid::text AS "transactionId"
  FROM (SELECT relname, relnamespace,
               pg_stat_get_xact_tuples_inserted(oid) AS inserted,
               pg_stat_get_xact_tuples_updated(oid)  AS updated,
               pg_stat_get_xact_tuples_deleted(oid)  AS deleted
          FROM pg_class
         WHERE relkind IN ('r', 'm') AND relpersistence <> 't' AND oid <> 'pg_statistic'::regclass
           AND relnamespace <> 'information_schema'::regnamespace
           AND relnamespace IS DISTINCT FROM (SELECT to_regnamespace('roomctl'))
        OFFSET 0) AS counted
 WHERE inserted + updated + deleted > 0
