-- Rooms that run at the moment $1. Those of a server that has a heartbeat are its server's to tell; here are those whose
-- server is not known, as long as somebody writes to them.
SELECT 'room ' || room.room_id AS subject
  FROM public.active_rooms AS room
 WHERE room.status <> 'ended'
   AND room.updated_at > $1::timestamptz - interval '90 seconds'
   AND NOT EXISTS (SELECT FROM public.server_instances AS owner WHERE owner.epoch = room.owner_epoch)
 ORDER BY room.updated_at DESC
