SELECT user_id, timer_total_seconds
  FROM public.users
 WHERE user_id IN (SELECT user_1 FROM public.active_rooms UNION ALL SELECT user_2 FROM public.active_rooms)
