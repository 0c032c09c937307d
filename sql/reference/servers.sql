-- Servers that have not said that they stopped, at the moment $1.
SELECT epoch, host, pid, extract(epoch FROM $1::timestamptz - heartbeat_at)::float8 AS heartbeat_age_seconds
  FROM public.server_instances
 WHERE stopped_at IS NULL
 ORDER BY epoch
