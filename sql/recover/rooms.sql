-- The app's rooms in types that do not depend on the app; its own query is put where the braces are.
-- blocked_reason is the one column that the query may leave out.
SELECT room.room_id::text                       AS "roomId",
       room.user_1::text                        AS "user1",
       room.user_2::text                        AS "user2",
       room.status::text                        AS status,
       room.started_at::timestamptz             AS "startedAt",
       room.updated_at::timestamptz             AS "updatedAt",
       room.grace_expires_at::timestamptz       AS "graceExpiresAt",
       room.owner_epoch::text                   AS "ownerEpoch",
       room.owner_heartbeat_at::timestamptz     AS "ownerHeartbeatAt",
       room.owner_stopped_at::timestamptz       AS "ownerStoppedAt",
       room.version::text                       AS version,
       to_jsonb(room) ->> 'blocked_reason'      AS "blockedReason"
  FROM (
{statement}
       ) AS room
 ORDER BY room.started_at, room.room_id::text
