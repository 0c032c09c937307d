-- The end of a call starts a cooldown of 24 hours for its pair. It is written in the background, hence the minute.
SELECT 'users ' || pair.low || ' and ' || pair.high || ', met ' || to_char(pair.met_at, 'YYYY-MM-DD HH24:MI') AS subject
  FROM (SELECT least(user_id, partner_user_id) AS low, greatest(user_id, partner_user_id) AS high, max(completed_at) AS met_at
          FROM public.session_completions
         WHERE partner_user_id IS NOT NULL
           AND completed_at > now() - interval '24 hours'
         GROUP BY 1, 2) AS pair
 WHERE pair.met_at < now() - interval '1 minute'
   AND NOT EXISTS (SELECT FROM public.cooldowns WHERE user_low = pair.low AND user_high = pair.high AND expires_at > now())
 ORDER BY pair.met_at DESC
