-- Tries the sign-in code $2 for the address $1; when it is right, a session: token hash $3, for $4 milliseconds, device
-- $5, address $6. The row's lock makes tries at once count one by one.
WITH person AS (
    SELECT user_id, name, encode(sha256(convert_to(user_id::text || ' ' || $2::text, 'UTF8')), 'hex') AS code_hash
      FROM public.users
     WHERE lower(email) = lower($1) AND account_type = 'permanent'
), tried AS (
    UPDATE public.email_verifications AS code
       SET attempts    = code.attempts + 1,
           verified_at = CASE WHEN code.code_hash = person.code_hash THEN now() END,
           updated_at  = now()
      FROM person
     WHERE code.id = (SELECT newest.id
                        FROM public.email_verifications AS newest
                       WHERE newest.user_id = (SELECT user_id FROM person) AND lower(newest.email) = lower($1)
                       ORDER BY newest.created_at DESC, newest.id
                       LIMIT 1)
       AND code.verified_at IS NULL AND code.attempts < 5 AND code.expires_at > now()
    RETURNING person.user_id, person.name, code.verified_at
), session AS (
    INSERT INTO public.sessions (session_token, user_id, expires_at, device_info, ip)
    SELECT $3, user_id, now() + $4::float8 * interval '1 millisecond', $5::jsonb, $6::inet
      FROM tried
     WHERE verified_at IS NOT NULL
)
SELECT verified_at IS NOT NULL AS "isRight", user_id AS "userId", name FROM tried
