-- The block on the address $1 that lasts longest, if any.
SELECT (extract(epoch FROM expires_at - now()) * 1000)::float8 AS "leftMs"
  FROM public.ip_bans
 WHERE ip >>= $1::inet AND (expires_at IS NULL OR expires_at > now())
 ORDER BY expires_at DESC NULLS FIRST
 LIMIT 1
