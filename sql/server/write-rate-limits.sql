-- Rate limits ($1), under the epoch $2.
WITH owner AS MATERIALIZED (
    {owner}
), written AS (
    INSERT INTO public.rate_limits (key, window_start, count, expires_at)
    SELECT given.key, given.window_start, given.count, given.expires_at
      FROM json_to_recordset($1::json) AS given (
           key text, window_start timestamptz, count integer, expires_at timestamptz, deleted boolean)
     CROSS JOIN owner
     WHERE NOT given.deleted
     ORDER BY given.key, given.window_start
        ON CONFLICT (key, window_start) DO UPDATE SET count = excluded.count, updated_at = now()
    RETURNING 1
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
