-- Ends rooms $1, each at its moment in $2: history and completion for both sides, the cooldown of the pair, no room.
-- What is there already stays: a room that is ended twice is counted once.
WITH ending AS (
    SELECT room.room_id, room.user_1, room.user_2, room.started_at, room.chat_mode, room.messages, asked.ended_at,
           greatest(0, round(extract(epoch FROM asked.ended_at - room.started_at)))::integer AS duration_seconds
      FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (room_id, ended_at)
      JOIN public.active_rooms AS room ON room.room_id = asked.room_id
), sides AS (
    SELECT ending.*, user_1 AS user_id, user_2 AS partner_user_id FROM ending
    UNION ALL
    SELECT ending.*, user_2, user_1 FROM ending
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
           coalesce(said.messages, side.messages), side.chat_mode
      FROM sides AS side
      LEFT JOIN said ON said.room_id = side.room_id
        ON CONFLICT (room_id, user_id) DO NOTHING
), completions AS (
    INSERT INTO public.session_completions (user_id, partner_user_id, room_id, duration_seconds, completed_at)
    SELECT user_id, partner_user_id, room_id, duration_seconds, ended_at
      FROM sides
     ORDER BY ended_at, room_id, user_id
        ON CONFLICT (room_id, user_id) DO NOTHING
), cooldown AS (
    -- Two of these rooms may be of one pair, and one statement cannot touch a row twice.
    INSERT INTO public.cooldowns AS known (user_low, user_high, expires_at)
    SELECT least(user_1, user_2), greatest(user_1, user_2), max(ended_at) + interval '24 hours'
      FROM ending
     GROUP BY 1, 2
        ON CONFLICT (user_low, user_high) DO UPDATE
       SET expires_at = excluded.expires_at, updated_at = now()
     WHERE known.expires_at < excluded.expires_at
)
DELETE FROM public.active_rooms AS room USING ending WHERE room.room_id = ending.room_id
