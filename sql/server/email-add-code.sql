-- A code (hash $3) for user $1 and address $2, good for $4 milliseconds. No row when the user is gone.
INSERT INTO public.email_verifications (user_id, email, code_hash, expires_at)
SELECT user_id, $2, $3, now() + $4::float8 * interval '1 millisecond'
  FROM public.users
 WHERE user_id = $1::uuid
