SELECT gender, email, payment_status AS "paymentStatus", total_points AS "totalPoints",
       (extract(epoch FROM qr_unlocked_at) * 1000)::float8 AS "qrUnlockedAt",
       (extract(epoch FROM created_at) * 1000)::float8     AS "createdAt"
  FROM public.users
 WHERE user_id = $1::uuid
