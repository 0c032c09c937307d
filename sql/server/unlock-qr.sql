-- The QR code of user $1, whose row is locked: made with code $3 for $4 uses the first time. What is unlocked stays so;
-- what is not is unlocked when $2. No row when it is not.
WITH person AS (
    UPDATE public.users
       SET qr_unlocked_at = coalesce(qr_unlocked_at, now()),
           updated_at     = CASE WHEN qr_unlocked_at IS NULL THEN now() ELSE updated_at END
     WHERE user_id = $1::uuid AND (qr_unlocked_at IS NOT NULL OR $2::boolean)
    RETURNING user_id, qr_unlocked_at
), known AS (
    SELECT code, max_uses, uses
      FROM public.invite_codes
     WHERE created_by = $1::uuid AND kind = 'qr'
     ORDER BY created_at, code
     LIMIT 1
), made AS (
    INSERT INTO public.invite_codes (code, created_by, max_uses, kind)
    SELECT $3, user_id, $4::integer, 'qr'
      FROM person
     WHERE NOT EXISTS (SELECT FROM known)
    RETURNING code, max_uses, uses
)
SELECT code.code, code.max_uses AS "maxUses", code.uses,
       (extract(epoch FROM person.qr_unlocked_at) * 1000)::float8 AS "unlockedAt"
  FROM person
 CROSS JOIN (SELECT * FROM known UNION ALL SELECT * FROM made) AS code
