SELECT user_low, user_high, extract(epoch FROM expires_at) * 1000
  FROM public.cooldowns
 WHERE expires_at > now()
 ORDER BY expires_at
