-- A ban that holds right now, and its user in a call: the ban came during the call, or was not looked at.
SELECT 'user ' || member.user_id || ' in room ' || room.room_id AS subject
  FROM public.active_rooms AS room
 CROSS JOIN LATERAL (VALUES (room.user_1), (room.user_2)) AS member (user_id)
 WHERE room.status IN ('active', 'grace_period')
   AND EXISTS (SELECT FROM public.user_bans AS ban
                WHERE ban.user_id = member.user_id AND ban.lifted_at IS NULL
                  AND (ban.expires_at IS NULL OR ban.expires_at > now()))
 ORDER BY room.started_at
