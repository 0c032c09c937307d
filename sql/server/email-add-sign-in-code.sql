-- A sign-in code $2 for the permanent account with the address $1, good for $3 milliseconds. No row when there is none.
INSERT INTO public.email_verifications (user_id, email, code_hash, expires_at)
SELECT user_id, email, encode(sha256(convert_to(user_id::text || ' ' || $2::text, 'UTF8')), 'hex'),
       now() + $3::float8 * interval '1 millisecond'
  FROM public.users
 WHERE lower(email) = lower($1) AND account_type = 'permanent'
RETURNING email
