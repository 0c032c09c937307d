-- Tells user $1 that user $2 came through the link $3. No row when the target is gone.
WITH added AS (
    INSERT INTO public.referral_notifications (target_user_id, from_user_id, referral_code, message)
    SELECT target.user_id, $2::uuid, $3, $4
      FROM public.users AS target
     WHERE target.user_id = $1::uuid
    RETURNING id, from_user_id, referral_code, message, created_at
)
SELECT added.id AS "notificationId", added.from_user_id AS "fromUserId", sender.name AS "fromName",
       added.referral_code AS code, added.message,
       (extract(epoch FROM added.created_at) * 1000)::float8 AS at, NULL::float8 AS "readAt"
  FROM added
  JOIN public.users AS sender ON sender.user_id = added.from_user_id
