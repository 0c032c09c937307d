SELECT referral_code AS "referralCode", target_user_id AS "targetUserId", created_by_user_id AS "createdByUserId",
       target_name AS "targetName", created_by_name AS "createdByName",
       (extract(epoch FROM created_at) * 1000)::float8 AS "createdAt"
  FROM public.referral_mappings
 WHERE referral_code = $1
