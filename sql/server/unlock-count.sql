-- Completed calls of user $1 of at least $2 seconds that were not text chats. History that was archived counts as video:
-- it is the completion that proves the call.
SELECT count(*)::integer AS calls
  FROM public.session_completions AS call
 WHERE call.user_id = $1::uuid
   AND call.duration_seconds >= $2::float8
   AND NOT EXISTS (SELECT FROM public.chat_history AS history
                    WHERE history.room_id = call.room_id AND history.user_id = call.user_id
                      AND history.chat_mode = 'text')
