-- Which of the sessions $1 still hold, and whether their users are banned. A row for each, known or not.
SELECT asked.hash,
       coalesce(session.revoked_at IS NULL AND session.expires_at > now(), false)  AS "isValid",
       coalesce(ban.holds, false)                                                  AS "isBanned",
       (extract(epoch FROM ban.expires_at - now()) * 1000)::float8                 AS "banLeftMs"
  FROM unnest($1::text[]) AS asked (hash)
  LEFT JOIN public.sessions AS session ON session.session_token = asked.hash
  LEFT JOIN LATERAL (
       SELECT true AS holds, expires_at
         FROM public.user_bans
        WHERE user_id = session.user_id AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        ORDER BY expires_at DESC NULLS FIRST
        LIMIT 1) AS ban ON true
