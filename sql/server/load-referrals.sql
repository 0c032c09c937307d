-- The newest: memory holds no more, and any other is read when somebody asks for it. The oldest first, as they came.
SELECT newest.*
  FROM (SELECT referral_code, target_user_id, created_by_user_id, target_name, created_by_name, created_at
          FROM public.referral_mappings
         ORDER BY created_at DESC
         LIMIT 200000) AS newest
 ORDER BY created_at
