SELECT key, window_start, count, expires_at
  FROM public.rate_limits
 WHERE expires_at > now()
