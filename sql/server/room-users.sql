-- The users $1, as rooms show and count them.
SELECT user_id, coalesce(name, '') AS name, timer_total_seconds
  FROM public.users
 WHERE user_id = ANY ($1::uuid[])
