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
    SELECT * FROM given WHERE status = 'ended'
), sides AS (
    SELECT ending.*, user_1 AS user_id, user_2 AS partner FROM ending
    UNION ALL
    SELECT ending.*, user_2, user_1 FROM ending
), present AS (
    SELECT side.*, partner.user_id AS partner_user_id
      FROM sides AS side
      JOIN people AS own ON own.user_id = side.user_id
      LEFT JOIN people AS partner ON partner.user_id = side.partner
), said AS (
    SELECT message.room_id,
           jsonb_agg(jsonb_build_object('senderUserId', message.sender_user_id, 'body', message.body,
                                        'sentAt', message.sent_at, 'sequence', message.sequence)
                     ORDER BY message.sequence) AS messages
      FROM public.text_chat_messages AS message
      JOIN ending ON ending.room_id = message.room_id
     GROUP BY message.room_id
), history AS (
    INSERT INTO public.chat_history (user_id, partner_user_id, room_id, started_at, duration_seconds, messages, chat_mode)
    SELECT side.user_id, side.partner_user_id, side.room_id, side.started_at, side.duration_seconds,
           coalesce(said.messages, '[]'), side.chat_mode
      FROM present AS side
      LEFT JOIN said ON said.room_id = side.room_id
     ORDER BY side.room_id, side.user_id
        ON CONFLICT (room_id, user_id) DO NOTHING
), completions AS (
    INSERT INTO public.session_completions (user_id, partner_user_id, room_id, duration_seconds, completed_at)
    SELECT user_id, partner_user_id, room_id, duration_seconds, ended_at
      FROM present
     ORDER BY ended_at, room_id, user_id
        ON CONFLICT (room_id, user_id) DO NOTHING
), cooldown AS (
    INSERT INTO public.cooldowns AS known (user_low, user_high, expires_at)
    SELECT least(user_id, partner_user_id), greatest(user_id, partner_user_id), max(ended_at) + make_interval(secs => max(cooldown_seconds))
      FROM present
     WHERE partner_user_id IS NOT NULL
     GROUP BY 1, 2
     ORDER BY 1, 2
        ON CONFLICT (user_low, user_high) DO UPDATE
       SET expires_at = excluded.expires_at, updated_at = now()
     WHERE known.expires_at < excluded.expires_at
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
