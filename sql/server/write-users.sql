-- Timer totals ($1), under the epoch $2. A total never goes back.
WITH owner AS MATERIALIZED (
    {owner}
), given AS (
    SELECT given.user_id, given.timer_total_seconds
      FROM json_to_recordset($1::json) AS given (user_id uuid, timer_total_seconds integer, deleted boolean)
     CROSS JOIN owner
     WHERE NOT given.deleted
), written AS (
    UPDATE public.users AS known
       SET timer_total_seconds = given.timer_total_seconds, updated_at = now()
      FROM given
     WHERE known.user_id = given.user_id
       AND known.timer_total_seconds < given.timer_total_seconds
    RETURNING 1
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
