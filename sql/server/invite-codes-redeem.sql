-- The lock of the row makes those who come at once count one by one, each against what the one before left.
UPDATE public.invite_codes
   SET uses = uses + 1, updated_at = now()
 WHERE code = $1 AND uses < max_uses AND (expires_at IS NULL OR expires_at > now())
RETURNING code, kind, max_uses AS "maxUses", uses, (extract(epoch FROM expires_at) * 1000)::float8 AS "expiresAt"
