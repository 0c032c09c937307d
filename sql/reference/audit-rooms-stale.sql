-- Neither the room nor the server that owns it gave a sign of life for ten minutes: the next start takes it for dead.
SELECT 'room ' || room.room_id || ', last seen ' || to_char(greatest(room.updated_at, owner.heartbeat_at), 'YYYY-MM-DD HH24:MI') AS subject
  FROM public.active_rooms AS room
  LEFT JOIN public.server_instances AS owner ON owner.epoch = room.owner_epoch
 WHERE room.status IN ('active', 'grace_period')
   AND greatest(room.updated_at, owner.heartbeat_at) < now() - interval '10 minutes'
 ORDER BY greatest(room.updated_at, owner.heartbeat_at)
