-- Calls are between two people: whoever is in two running rooms could only come back to one of them.
SELECT 'user ' || member.user_id || ' is in ' || count(*) || ' rooms' AS subject
  FROM public.active_rooms AS room
 CROSS JOIN LATERAL (VALUES (room.user_1), (room.user_2)) AS member (user_id)
 WHERE room.status IN ('active', 'grace_period')
 GROUP BY member.user_id
HAVING count(*) > 1
 ORDER BY member.user_id
