SELECT referral_code, target_user_id, created_by_user_id, target_name, created_by_name, created_at
  FROM public.referral_mappings
