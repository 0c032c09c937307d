-- Bans user $1 (or null) and address $2 (or null) because of $3, for $4 milliseconds or for ever, following report $5 (or
-- null), and signs the user out everywhere. One row: whether the user is known.
WITH person AS (
    SELECT user_id FROM public.users WHERE user_id = $1::uuid
), banned AS (
    INSERT INTO public.user_bans (user_id, kind, reason, expires_at, report_id)
    SELECT user_id, CASE WHEN $4::float8 IS NULL THEN 'permanent' ELSE 'temporary' END, $3,
           now() + $4::float8 * interval '1 millisecond',
           (SELECT report_id FROM public.reports WHERE report_id = $5::bigint)
      FROM person
), signed_out AS (
    UPDATE public.sessions AS session
       SET revoked_at = now(), updated_at = now()
      FROM person
     WHERE session.user_id = person.user_id AND session.revoked_at IS NULL
), blocked AS (
    -- Of a user that is not known, the address is not blocked either: the request as a whole is wrong.
    INSERT INTO public.ip_bans (ip, reason, expires_at)
    SELECT $2::inet, $3, now() + $4::float8 * interval '1 millisecond'
     WHERE $2 IS NOT NULL AND ($1::uuid IS NULL OR EXISTS (SELECT FROM person))
        ON CONFLICT (ip) DO UPDATE
       SET reason = excluded.reason, expires_at = excluded.expires_at, updated_at = now()
)
SELECT $1::uuid IS NULL OR EXISTS (SELECT FROM person) AS known
