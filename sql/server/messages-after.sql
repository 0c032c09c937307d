-- Messages of room $1 after number $2, oldest first, at most $3. Moments are epoch milliseconds.
SELECT id, sender_user_id, body, extract(epoch FROM sent_at)::float8 * 1000 AS sent_at, sequence
  FROM public.text_chat_messages
 WHERE room_id = $1::uuid AND sequence > $2::integer
 ORDER BY sequence
 LIMIT $3::integer
