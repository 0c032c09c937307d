-- A server of long ago, whose last heartbeat was $1 seconds before now: what the rooms that a drill plants belong to.
INSERT INTO public.server_instances AS known (epoch, host, pid, started_at, heartbeat_at, stopped_at)
VALUES ($2, 'drill', 1, now() - interval '1 day', now() - make_interval(secs => $1),
        now() - make_interval(secs => $1))
    ON CONFLICT (epoch) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, stopped_at = excluded.stopped_at
