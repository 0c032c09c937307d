-- A room $1 of users $2 and $3 that was written $4 seconds ago by the server of epoch $5. The answer is from when on it is
-- too old to come back, as epoch milliseconds.
INSERT INTO public.active_rooms (room_id, user_1, user_2, started_at, chat_mode, owner_epoch, version, updated_at)
VALUES ($1, $2, $3, now() - interval '1 hour', 'video', $5, 1, now() - make_interval(secs => $4))
RETURNING extract(epoch FROM updated_at + interval '10 minutes')::float8 * 1000 AS "staleAt"
