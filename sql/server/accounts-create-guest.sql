-- A guest $1 named $2 of gender $3, and its first session: token hash $4, for $5 milliseconds, device $6, address $7.
WITH person AS (
    INSERT INTO public.users (user_id, name, gender) VALUES ($1::uuid, $2, $3)
    RETURNING user_id
)
INSERT INTO public.sessions (session_token, user_id, expires_at, device_info, ip)
SELECT $4, user_id, now() + $5::float8 * interval '1 millisecond', $6::jsonb, $7::inet
  FROM person
