-- Takes away those of the rooms $1 that a drill planted for the servers of the epochs $2 and that nobody took over.
DELETE FROM public.active_rooms WHERE room_id = ANY ($1::uuid[]) AND owner_epoch = ANY ($2::bigint[])
