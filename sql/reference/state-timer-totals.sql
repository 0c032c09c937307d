-- A total is what was written last: the time that no server ran is in none of them.
SELECT count(*) FILTER (WHERE timer_total_seconds > 0)::float8 AS live,
       0::float8                                               AS expired,
       format('%s hours in all, %s timers not ended', (coalesce(sum(timer_total_seconds), 0) / 3600)::bigint,
              (SELECT count(*) FROM public.timer_sessions WHERE ended_at IS NULL)) AS detail
  FROM public.users
