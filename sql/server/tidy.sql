-- What has run out, a thousand rows of each kind; the answer says whether there may be more. Ended rooms stay ten minutes,
-- longer than any statement of an older session can still be on its way; a row that such a statement put back has its
-- history written, and goes too.
WITH ended AS (
    SELECT room.room_id
      FROM public.active_rooms AS room
     WHERE room.updated_at < clock_timestamp() - interval '10 minutes'
       AND (room.status = 'ended'
            OR (EXISTS (SELECT FROM public.chat_history AS history WHERE history.room_id = room.room_id)
                AND NOT EXISTS (SELECT FROM public.server_instances AS owner
                                 WHERE owner.epoch = room.owner_epoch AND owner.stopped_at IS NULL)))
     ORDER BY room.updated_at
     LIMIT 1000
       FOR UPDATE SKIP LOCKED
), rooms AS (
    DELETE FROM public.active_rooms AS room USING ended WHERE room.room_id = ended.room_id
), cooldowns AS (
    DELETE FROM public.cooldowns WHERE (user_low, user_high) IN (
        SELECT user_low, user_high FROM public.cooldowns WHERE expires_at < now() - interval '1 minute'
         LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING 1
), limits AS (
    DELETE FROM public.rate_limits WHERE (key, window_start) IN (
        SELECT key, window_start FROM public.rate_limits WHERE expires_at < now() - interval '1 minute'
         LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING 1
)
SELECT greatest((SELECT count(*) FROM ended), (SELECT count(*) FROM cooldowns), (SELECT count(*) FROM limits)) >= 1000
       AS full
