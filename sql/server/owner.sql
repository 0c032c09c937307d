SELECT epoch FROM public.server_instances WHERE epoch = $2::bigint AND stopped_at IS NULL FOR KEY SHARE
