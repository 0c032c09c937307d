-- Every room with what decides whether it comes back at the moment $1. A room whose history is written has ended,
-- whatever its row says: a late write of a dead server may have put the row back.
SELECT room.room_id,
       room.user_1,
       room.user_2,
       CASE WHEN EXISTS (SELECT FROM public.chat_history AS history WHERE history.room_id = room.room_id)
            THEN 'ended' ELSE room.status END AS status,
       room.started_at,
       room.updated_at,
       room.grace_expires_at,
       room.owner_epoch,
       owner.heartbeat_at                     AS owner_heartbeat_at,
       owner.stopped_at                       AS owner_stopped_at,
       room.version,
       room.chat_mode,
       (SELECT 'a user of it is banned'
          FROM public.user_bans AS ban
         WHERE ban.user_id IN (room.user_1, room.user_2)
           AND ban.lifted_at IS NULL
           AND (ban.expires_at IS NULL OR ban.expires_at > $1::timestamptz)
         LIMIT 1)                             AS blocked_reason
  FROM public.active_rooms AS room
  LEFT JOIN public.server_instances AS owner ON owner.epoch = room.owner_epoch
