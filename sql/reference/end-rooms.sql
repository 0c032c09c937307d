-- Ends rooms $1, each at its moment in $2: history and completion for both sides, the cooldown of the pair, no room.
-- What is there already stays: a room that is ended twice is counted once.
WITH ending AS (
    SELECT room.room_id, room.user_1, room.user_2, room.started_at, room.chat_mode, room.messages, asked.ended_at,
           greatest(0, round(extract(epoch FROM asked.ended_at - room.started_at)))::integer AS duration_seconds,
           86400::float8 AS cooldown_seconds
      FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (room_id, ended_at)
      JOIN public.active_rooms AS room ON room.room_id = asked.room_id
), people AS MATERIALIZED (
    SELECT user_id
      FROM public.users
     WHERE user_id IN (SELECT user_1 FROM ending UNION ALL SELECT user_2 FROM ending)
     ORDER BY user_id
       FOR KEY SHARE
), {reference/room-history}
DELETE FROM public.active_rooms AS room USING ending WHERE room.room_id = ending.room_id
