-- A text room $1 of users $2 and $3 that the server of epoch $4 left a moment ago. Nobody has spoken for so long that the
-- rule's next step is due in $5 seconds, which may be less than 0: the warning, or with $6 the end after a warning. The
-- answer is when, and from when on the room is too old to come back, as epoch milliseconds.
WITH silence AS (
    SELECT now() + make_interval(secs => $5) AS due_at, $6::boolean AS is_warned
), room AS (
    INSERT INTO public.active_rooms (room_id, user_1, user_2, started_at, chat_mode, owner_epoch, version, updated_at)
    VALUES ($1, $2, $3, now() - interval '1 hour', 'text', $4, 1, now())
    RETURNING room_id
), activity AS (
    INSERT INTO public.text_room_activity (room_id, user_1_last_message_at, user_2_last_message_at, warning_started_at)
    SELECT room_id, spoken_at, spoken_at, CASE WHEN is_warned THEN spoken_at + interval '60 seconds' END
      FROM room
     CROSS JOIN silence
     CROSS JOIN LATERAL (
           SELECT due_at - CASE WHEN is_warned THEN interval '90 seconds' ELSE interval '60 seconds' END AS spoken_at
     ) AS last
)
SELECT extract(epoch FROM due_at)::float8 * 1000 AS "dueAt",
       extract(epoch FROM now() + interval '10 minutes')::float8 * 1000 AS "staleAt"
  FROM silence
