-- No foreign key ties a message to its room: the room's row goes when it ends, its history stays. A message that
-- belongs to neither lost its room to a crash or to a deletion. A room's own row may lag behind its first message.
SELECT 'room ' || message.room_id || ', ' || count(*) || ' messages' AS subject
  FROM public.text_chat_messages AS message
 WHERE NOT EXISTS (SELECT FROM public.active_rooms AS room WHERE room.room_id = message.room_id)
   AND NOT EXISTS (SELECT FROM public.chat_history AS history WHERE history.room_id = message.room_id)
   AND NOT EXISTS (SELECT FROM public.session_completions AS completion WHERE completion.room_id = message.room_id)
 GROUP BY message.room_id
HAVING max(message.sent_at) < now() - interval '1 minute'
 ORDER BY max(message.sent_at) DESC
