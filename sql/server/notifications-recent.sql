-- What user $1 caused by the link $2 within the last minute.
SELECT note.id AS "notificationId", note.from_user_id AS "fromUserId", sender.name AS "fromName",
       note.referral_code AS code, note.message,
       (extract(epoch FROM note.created_at) * 1000)::float8 AS at,
       (extract(epoch FROM note.read_at) * 1000)::float8    AS "readAt"
  FROM public.referral_notifications AS note
  JOIN public.users AS sender ON sender.user_id = note.from_user_id
 WHERE note.from_user_id = $1::uuid AND note.referral_code = $2 AND note.created_at > now() - interval '1 minute'
 ORDER BY note.created_at DESC
 LIMIT 1
