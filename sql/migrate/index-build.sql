-- How far the build of an index in session $1 is, and which transaction it waits for.
SELECT progress.phase,
       CASE WHEN blocks_total > 0 THEN round(100.0 * blocks_done / blocks_total)::int END AS percent,
       (SELECT format('server process %s (%s, %s for %s s)', pid, coalesce(nullif(application_name, ''), 'no name'), state,
                      extract(epoch FROM clock_timestamp() - xact_start)::int)
          FROM pg_stat_activity WHERE pid = nullif(progress.current_locker_pid, 0)) AS "waitsFor"
  FROM pg_stat_progress_create_index AS progress
 WHERE progress.pid = $1
