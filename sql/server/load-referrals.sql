SELECT referral_code, target_user_id, created_by_user_id, target_name, created_by_name,
       extract(epoch FROM created_at) * 1000
  FROM public.referral_mappings
