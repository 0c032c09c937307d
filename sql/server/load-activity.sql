SELECT room_id, user_1_last_message_at, user_2_last_message_at, warning_started_at
  FROM public.text_room_activity
