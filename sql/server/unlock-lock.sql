SELECT user_id AS "userId" FROM public.users WHERE user_id = $1::uuid FOR NO KEY UPDATE
