SELECT note.id AS "notificationId", note.from_user_id AS "fromUserId", sender.name AS "fromName",
       note.referral_code AS code, note.message,
       (extract(epoch FROM note.created_at) * 1000)::float8 AS at,
       (extract(epoch FROM note.read_at) * 1000)::float8    AS "readAt"
  FROM public.referral_notifications AS note
  LEFT JOIN public.users AS sender ON sender.user_id = note.from_user_id
 WHERE note.target_user_id = $1::uuid
 ORDER BY note.created_at DESC, note.id
 LIMIT 100
