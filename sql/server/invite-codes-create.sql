-- Code $1 of user $2 for $3 uses, good for $4 milliseconds or for ever. No row when the user is gone.
INSERT INTO public.invite_codes (code, created_by, max_uses, expires_at)
SELECT $1, user_id, $3::integer, now() + $4::float8 * interval '1 millisecond'
  FROM public.users
 WHERE user_id = $2::uuid
RETURNING code, kind, max_uses AS "maxUses", uses, (extract(epoch FROM expires_at) * 1000)::float8 AS "expiresAt"
