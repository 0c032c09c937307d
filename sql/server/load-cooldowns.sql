SELECT user_low, user_high, expires_at
  FROM public.cooldowns
 WHERE expires_at > now()
 ORDER BY expires_at
