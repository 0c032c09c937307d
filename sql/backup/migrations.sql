-- Applied migrations in order, each with the checksum of the file that its last successful run read.
SELECT applied.name,
       (SELECT run.checksum
          FROM roomctl.migration_runs AS run
         WHERE run.name = applied.name AND run.direction = 'up' AND run.state = 'done'
         ORDER BY run.id DESC LIMIT 1) AS checksum
  FROM roomctl.migrations AS applied
 ORDER BY applied.id
