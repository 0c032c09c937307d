-- Every room as the recovery plan reads it, with what a server needs besides. In the braces goes the app's own list.
SELECT facts.room_id,
       facts.user_1,
       facts.user_2,
       facts.status,
       facts.started_at,
       facts.updated_at,
       facts.grace_expires_at,
       facts.owner_epoch,
       facts.owner_heartbeat_at,
       facts.owner_stopped_at,
       facts.blocked_reason,
       facts.chat_mode
  FROM ({statement}) AS facts
