-- Under the lock nobody else migrates: a run that is still 'running' belongs to a process that is gone.
-- Nobody saw when it ended. Whether its transaction was committed shows in roomctl.migrations, which changes with it.
UPDATE roomctl.migration_runs AS run
   SET state = CASE WHEN is_done THEN 'done' ELSE 'failed' END,
       error = CASE WHEN is_done THEN NULL ELSE 'interrupted' END
  FROM (SELECT id, (direction = 'up') = EXISTS (SELECT FROM roomctl.migrations WHERE migrations.name = unfinished.name)
                   AND id = (SELECT max(id) FROM roomctl.migration_runs AS later WHERE later.name = unfinished.name)
                   AS is_done
          FROM roomctl.migration_runs AS unfinished
         WHERE state = 'running') AS outcome
 WHERE run.id = outcome.id
