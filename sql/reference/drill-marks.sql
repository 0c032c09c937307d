-- Where the rows of all rooms stand: who wrote each last, and at which version.
SELECT room_id AS "roomId", owner_epoch::text AS "ownerEpoch", version::text AS version FROM public.active_rooms
