-- What the end of a room leaves behind: history and completion for both sides, the cooldown of the pair. Common table
-- expressions that follow two others: ending (room_id, user_1, user_2, started_at, ended_at, duration_seconds,
-- chat_mode, messages, cooldown_seconds) and people (user_id): a user who is gone in the meantime has none of it.
-- What is there already stays: a room that is ended twice is counted once.
sides AS (
    SELECT ending.*, user_1 AS user_id, user_2 AS partner FROM ending
    UNION ALL
    SELECT ending.*, user_2, user_1 FROM ending
), present AS (
    SELECT side.*, partner.user_id AS partner_user_id
      FROM sides AS side
      JOIN people AS own ON own.user_id = side.user_id
      LEFT JOIN people AS partner ON partner.user_id = side.partner
), said AS MATERIALIZED (
    -- Of a long chat the newest messages: the last 5,000, and no more once they have 1,000,000 bytes. Unbounded, the end
    -- would take longer than a write may, and a jsonb array holds no more than 268,435,455 bytes. `leftOut` of the first
    -- says how many were said before it; the rows of those stay. Looking only at numbers, which count from 1, makes this
    -- cost the same however long the chat is.
    SELECT ending.room_id,
           CASE WHEN numbers.first < newest.first
                THEN jsonb_set(newest.messages, '{0,leftOut}', to_jsonb(newest.first - 1))
                ELSE newest.messages END AS messages
      FROM ending
     CROSS JOIN LATERAL (
           SELECT min(message.sequence) AS first, max(message.sequence) AS last
             FROM public.text_chat_messages AS message
            WHERE message.room_id = ending.room_id) AS numbers
     CROSS JOIN LATERAL (
           SELECT jsonb_agg({reference/room-message} ORDER BY message.sequence) AS messages,
                  min(message.sequence) AS first
             FROM (SELECT late.*, sum(octet_length(late.body)) OVER (ORDER BY late.sequence DESC)
                                  - octet_length(late.body) AS bytes_after
                     FROM public.text_chat_messages AS late
                    WHERE late.room_id = ending.room_id AND late.sequence > numbers.last - 5000) AS message
            WHERE message.bytes_after < 1000000) AS newest
     WHERE numbers.last IS NOT NULL
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
