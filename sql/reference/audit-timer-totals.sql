-- The total is written behind the sessions it sums up; one that stays below them lost its last writes.
SELECT 'user ' || total.user_id || ' is ' || sum(session.seconds) - total.timer_total_seconds || ' s short' AS subject
  FROM public.users AS total
  JOIN public.timer_sessions AS session USING (user_id)
 WHERE session.ended_at < now() - interval '1 minute'
 GROUP BY total.user_id
HAVING sum(session.seconds) > total.timer_total_seconds
 ORDER BY sum(session.seconds) - total.timer_total_seconds DESC
