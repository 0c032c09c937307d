-- The user $1 has made $2 links in this hour. The answer is when the hour is over, as epoch milliseconds.
INSERT INTO public.rate_limits (key, window_start, count, expires_at)
SELECT 'referrals user:' || $1, hour.start, $2, hour.start + interval '1 hour'
  FROM (SELECT date_trunc('hour', now(), 'UTC') AS start) AS hour
RETURNING extract(epoch FROM expires_at)::float8 * 1000 AS "windowEndsAt"
