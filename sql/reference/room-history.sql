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
