-- The $1 newest blocks of addresses that hold now.
SELECT ip::text AS ip, (extract(epoch FROM expires_at - now()) * 1000)::float8 AS "leftMs"
  FROM public.ip_bans
 WHERE expires_at IS NULL OR expires_at > now()
 ORDER BY updated_at DESC
 LIMIT $1::integer
