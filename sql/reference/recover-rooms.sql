-- Gives rooms $1 back: both sides away, in grace until $2 (one moment per room), owned by epoch $3, as of $4.
UPDATE public.active_rooms AS room
   SET status = 'grace_period',
       user_1_connected = false,
       user_2_connected = false,
       grace_expires_at = recovered.grace_expires_at,
       owner_epoch = $3::bigint,
       version = room.version + 1,
       updated_at = $4::timestamptz
  FROM unnest($1::uuid[], $2::timestamptz[]) AS recovered (room_id, grace_expires_at)
 WHERE room.room_id = recovered.room_id
