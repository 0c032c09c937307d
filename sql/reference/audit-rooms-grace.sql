-- A running server ends such a room within seconds, hence the half minute; stale rooms are a case of their own.
SELECT 'room ' || room.room_id || ', grace ended ' || to_char(room.grace_expires_at, 'YYYY-MM-DD HH24:MI:SS') AS subject
  FROM public.active_rooms AS room
  LEFT JOIN public.server_instances AS owner ON owner.epoch = room.owner_epoch
 WHERE room.status = 'grace_period'
   AND room.grace_expires_at < now() - interval '30 seconds'
   AND greatest(room.updated_at, owner.heartbeat_at) >= now() - interval '10 minutes'
 ORDER BY room.grace_expires_at
