-- The session's number, and whether it gives up soon where it has to wait.
SELECT pg_catalog.pg_backend_pid() AS pid,
       pg_catalog.current_setting('lock_timeout')::interval BETWEEN interval '1 ms' AND interval '2 s'
    OR pg_catalog.current_setting('statement_timeout')::interval BETWEEN interval '1 ms' AND interval '2 s' AS "isHurried"
