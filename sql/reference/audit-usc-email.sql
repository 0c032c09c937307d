-- On an account with a USC card, a @usc.edu address has to be verified before the account is permanent.
SELECT 'user ' || holder.user_id AS subject
  FROM public.users AS holder
 WHERE holder.account_type = 'permanent'
   AND holder.usc_id IS NOT NULL
   AND lower(holder.email) LIKE '%@usc.edu'
   AND holder.email_verified_at IS NULL
 ORDER BY holder.created_at
