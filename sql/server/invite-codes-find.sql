SELECT code FROM public.invite_codes WHERE code = $1
