-- Tries the code with hash $2 on the newest open code of user $1. The row's lock makes tries at once count one by one.
-- Codes for the address that the account has already are sign-in codes, which anybody can have sent.
WITH tried AS (
    UPDATE public.email_verifications AS code
       SET attempts    = code.attempts + 1,
           verified_at = CASE WHEN code.code_hash = $2 THEN now() END,
           updated_at  = now()
     WHERE code.id = (SELECT newest.id
                        FROM public.email_verifications AS newest
                        JOIN public.users AS person ON person.user_id = newest.user_id
                       WHERE newest.user_id = $1::uuid
                         AND lower(newest.email) IS DISTINCT FROM lower(person.email)
                       ORDER BY newest.created_at DESC, newest.id
                       LIMIT 1)
       AND code.verified_at IS NULL AND code.attempts < 5 AND code.expires_at > now()
    RETURNING code.user_id, code.email, code.verified_at
), person AS (
    UPDATE public.users AS person
       SET email = tried.email, email_verified_at = tried.verified_at, account_type = 'permanent', updated_at = now()
      FROM tried
     WHERE person.user_id = tried.user_id AND tried.verified_at IS NOT NULL
)
SELECT verified_at IS NOT NULL AS "isRight", email FROM tried
