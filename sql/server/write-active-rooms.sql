-- Rooms as memory has them ($1), under the epoch $2. One that has ended stays for a while as a row that says so: a
-- statement of an older session that comes late finds it there and loses. Its history, completions and cooldown are
-- written with it, and a user who is gone in the meantime has none.
WITH owner AS MATERIALIZED (
    {owner}
), given AS MATERIALIZED (
    SELECT room.*, owner.epoch
      FROM json_to_recordset($1::json) AS room (
           room_id uuid, user_1 uuid, user_2 uuid, started_at timestamptz, chat_mode text, status text,
           user_1_connected boolean, user_2_connected boolean, grace_expires_at timestamptz, duration_seconds integer,
           ended_at timestamptz, cooldown_seconds float8, version bigint)
     CROSS JOIN owner
), people AS MATERIALIZED (
    -- Whoever is being deleted right now is waited for, and is then gone.
    SELECT user_id
      FROM public.users
     WHERE user_id IN (SELECT user_1 FROM given UNION ALL SELECT user_2 FROM given)
     ORDER BY user_id
       FOR KEY SHARE
), written AS (
    INSERT INTO public.active_rooms AS known
           (room_id, user_1, user_2, started_at, chat_mode, status, user_1_connected, user_2_connected,
            grace_expires_at, duration_seconds, owner_epoch, version, updated_at)
    SELECT room_id, user_1, user_2, started_at, chat_mode, status, user_1_connected, user_2_connected,
           grace_expires_at, duration_seconds, epoch, version, clock_timestamp()
      FROM given
     WHERE user_1 IN (SELECT user_id FROM people)
       AND user_2 IN (SELECT user_id FROM people)
     ORDER BY room_id
        ON CONFLICT (room_id) DO UPDATE
       SET status = excluded.status, user_1_connected = excluded.user_1_connected,
           user_2_connected = excluded.user_2_connected, grace_expires_at = excluded.grace_expires_at,
           duration_seconds = excluded.duration_seconds, owner_epoch = excluded.owner_epoch,
           version = excluded.version, updated_at = excluded.updated_at
     WHERE (known.owner_epoch, known.version) < (excluded.owner_epoch, excluded.version)
    RETURNING known.room_id
), ending AS (
    SELECT *, '[]'::jsonb AS messages FROM given WHERE status = 'ended'
), {reference/room-history}
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
