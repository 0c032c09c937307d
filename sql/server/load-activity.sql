SELECT room_id,
       extract(epoch FROM user_1_last_message_at) * 1000,
       extract(epoch FROM user_2_last_message_at) * 1000,
       extract(epoch FROM warning_started_at) * 1000
  FROM public.text_room_activity
