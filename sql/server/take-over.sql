-- A new epoch for the instance $1 (process $2). Older epochs of the same instance end, even where their process still
-- lives, and those of other instances whose heartbeat is older than $3 seconds. A batch that is under way holds its
-- server's row FOR KEY SHARE: FOR UPDATE waits for it, which a heartbeat does not have to. Every later batch finds
-- nothing to do. No row: another server took this epoch first.
WITH older AS (
    SELECT epoch
      FROM public.server_instances
     WHERE stopped_at IS NULL
       AND (host = $1 OR heartbeat_at <= clock_timestamp() - make_interval(secs => $3::float8))
     ORDER BY epoch
       FOR UPDATE
), fenced AS (
    UPDATE public.server_instances AS server
       -- Its last heartbeat, not now: the fence is no sign of life.
       SET stopped_at = server.heartbeat_at, updated_at = clock_timestamp()
      FROM older
     WHERE server.epoch = older.epoch
    RETURNING server.epoch
), taken AS (
    INSERT INTO public.server_instances (epoch, host, pid, started_at, heartbeat_at)
    SELECT 1 + greatest((SELECT max(epoch) FROM public.server_instances),
                        (SELECT max(owner_epoch) FROM public.active_rooms),
                        0),
           $1, $2::integer, clock_timestamp(), clock_timestamp()
        ON CONFLICT (epoch) DO NOTHING
    RETURNING epoch
)
SELECT taken.epoch::text AS epoch, (SELECT count(*) FROM fenced)::integer AS fenced FROM taken
