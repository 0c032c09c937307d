UPDATE public.server_instances
   SET heartbeat_at = clock_timestamp(), updated_at = clock_timestamp()
 WHERE epoch = $1::bigint AND stopped_at IS NULL
