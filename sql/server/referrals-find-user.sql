SELECT name FROM public.users WHERE user_id = $1::uuid
