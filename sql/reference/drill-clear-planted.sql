-- Takes away the rooms $1 that a drill planted.
DELETE FROM public.active_rooms WHERE room_id = ANY ($1::uuid[])
