-- Cooldowns of pairs ($1), under the epoch $2. The later end wins: the end of a room writes the same row.
WITH owner AS MATERIALIZED (
    {owner}
), written AS (
    INSERT INTO public.cooldowns AS known (user_low, user_high, expires_at)
    SELECT low.user_id, high.user_id, given.expires_at
      FROM json_to_recordset($1::json) AS given (user_low uuid, user_high uuid, expires_at timestamptz, deleted boolean)
     CROSS JOIN owner
      JOIN public.users AS low ON low.user_id = given.user_low
      JOIN public.users AS high ON high.user_id = given.user_high
     WHERE NOT given.deleted
     ORDER BY low.user_id, high.user_id
       FOR KEY SHARE OF low, high
        ON CONFLICT (user_low, user_high) DO UPDATE
       SET expires_at = excluded.expires_at, updated_at = now()
     WHERE known.expires_at < excluded.expires_at
    RETURNING 1
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
