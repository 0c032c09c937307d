SELECT key, extract(epoch FROM window_start) * 1000, count, extract(epoch FROM expires_at) * 1000
  FROM public.rate_limits
 WHERE expires_at > now()
