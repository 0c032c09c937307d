-- Every migration that is applied or was attempted, with the run that speaks for it.
-- run_on has no time zone; every session of ours writes it in UTC.
WITH applied AS (
    SELECT name, min(id) AS id, min(run_on) AT TIME ZONE 'UTC' AS applied_at
      FROM roomctl.migrations GROUP BY name
)
SELECT name,
       applied.name IS NOT NULL AS "isApplied",
       applied.id               AS position,
       applied.applied_at       AS "appliedAt",
       -- A run that never got to say 'done' counts too: a crash right after the commit leaves it so.
       CASE WHEN applied.name IS NOT NULL THEN (
           SELECT checksum FROM roomctl.migration_runs AS run
            WHERE run.name = names.name AND direction = 'up' AND state IN ('done', 'running')
            ORDER BY id DESC LIMIT 1) END AS checksum,
       -- As JSON, so that a table that an older release made, without the newer columns, can be read too.
       (SELECT to_jsonb(run)
          FROM roomctl.migration_runs AS run
         WHERE run.name = names.name ORDER BY id DESC LIMIT 1) AS "lastRun"
  FROM (SELECT name FROM applied UNION SELECT name FROM roomctl.migration_runs) AS names
  LEFT JOIN applied USING (name)
 ORDER BY applied.id NULLS LAST, name
