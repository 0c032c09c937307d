-- Takes ownership at the moment $1 under a new epoch; no row when a server took that epoch first. A background write
-- holds its server's row FOR KEY SHARE and goes on only while stopped_at is null. FOR UPDATE waits for a batch that is
-- under way, and every later one finds nothing to do. A server whose heartbeat is younger than $2 seconds is left alone.
WITH gone AS (
    SELECT epoch
      FROM public.server_instances
     WHERE stopped_at IS NULL
       AND heartbeat_at <= $1::timestamptz - make_interval(secs => $2::float8)
     ORDER BY epoch
       FOR UPDATE
), fenced AS (
    UPDATE public.server_instances AS server
       -- Its last heartbeat, not now: the fence is no sign of life.
       SET stopped_at = server.heartbeat_at, updated_at = $1::timestamptz
      FROM gone
     WHERE server.epoch = gone.epoch
)
INSERT INTO public.server_instances (epoch, host, pid, started_at, heartbeat_at, stopped_at)
SELECT 1 + greatest((SELECT max(epoch) FROM public.server_instances),
                    (SELECT max(owner_epoch) FROM public.active_rooms),
                    0),
       'roomctl recover', pg_backend_pid(), $1::timestamptz, $1::timestamptz, $1::timestamptz
    ON CONFLICT (epoch) DO NOTHING
RETURNING epoch
