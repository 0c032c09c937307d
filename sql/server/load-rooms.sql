-- Every room as the recovery plan reads it, with what a server needs besides, newest first: the newest room of a user is
-- the one that comes back. Moments are epoch milliseconds. In the braces goes the app's own list of rooms.
SELECT facts.room_id,
       facts.user_1,
       facts.user_2,
       facts.status,
       date_part('epoch', facts.started_at) * 1000,
       date_part('epoch', facts.updated_at) * 1000,
       date_part('epoch', facts.grace_expires_at) * 1000,
       facts.owner_epoch,
       date_part('epoch', facts.owner_heartbeat_at) * 1000,
       date_part('epoch', facts.owner_stopped_at) * 1000,
       facts.version,
       facts.blocked_reason,
       facts.chat_mode
  FROM ({statement}) AS facts
 ORDER BY date_trunc('milliseconds', facts.started_at) DESC, facts.room_id DESC
