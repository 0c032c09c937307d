UPDATE public.referral_notifications
   SET read_at = coalesce(read_at, now()), updated_at = now()
 WHERE id = $1::uuid AND target_user_id = $2::uuid
RETURNING (extract(epoch FROM read_at) * 1000)::float8 AS "readAt"
