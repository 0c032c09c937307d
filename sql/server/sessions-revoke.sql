UPDATE public.sessions SET revoked_at = now(), updated_at = now() WHERE session_token = $1 AND revoked_at IS NULL
