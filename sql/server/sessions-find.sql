-- The session $1, and what bans say about its user and about the address $2. One row, whether the session exists or not.
SELECT person.user_id                                                    AS "userId",
       person.name,
       person.account_type                                               AS "accountType",
       session.revoked_at IS NOT NULL                                    AS "isRevoked",
       (extract(epoch FROM session.expires_at - now()) * 1000)::float8   AS "leftMs",
       coalesce(ban.holds, false)                                        AS "isUserBanned",
       (extract(epoch FROM ban.expires_at - now()) * 1000)::float8       AS "userBanLeftMs",
       coalesce(block.holds, false)                                      AS "isAddressBanned",
       (extract(epoch FROM block.expires_at - now()) * 1000)::float8     AS "addressBanLeftMs"
  FROM (SELECT $1::text AS token) AS asked
  LEFT JOIN public.sessions AS session ON session.session_token = asked.token
  LEFT JOIN public.users AS person ON person.user_id = session.user_id
  LEFT JOIN LATERAL (
       SELECT true AS holds, expires_at
         FROM public.user_bans
        WHERE user_id = session.user_id AND lifted_at IS NULL AND (expires_at IS NULL OR expires_at > now())
        ORDER BY expires_at DESC NULLS FIRST
        LIMIT 1) AS ban ON true
  LEFT JOIN LATERAL (
       SELECT true AS holds, expires_at
         FROM public.ip_bans
        WHERE ip >>= $2::inet AND (expires_at IS NULL OR expires_at > now())
        ORDER BY expires_at DESC NULLS FIRST
        LIMIT 1) AS block ON true
