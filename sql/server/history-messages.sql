-- Of past call $1 of user $2 the messages before number $3, the newest when that is null: at most $4, ending with the one
-- that brings them to $5 bytes, oldest first. Those that the history left out come from their own table, while they are
-- there. `next`: the number before which there are more, null at the end. No row when the user has no such call.
WITH call AS MATERIALIZED (
    SELECT room_id, messages, coalesce((messages #>> '{0,leftOut}')::integer, 0) AS left_out
      FROM public.chat_history
     WHERE id = $1::uuid AND user_id = $2::uuid
), kept AS (
    SELECT said.message, (said.message ->> 'sequence')::integer AS sequence
      FROM call
     CROSS JOIN LATERAL jsonb_array_elements(call.messages #- '{0,leftOut}') AS said (message)
), left_out AS (
    SELECT {reference/room-message} AS message, message.sequence
      FROM call
      JOIN public.text_chat_messages AS message
        ON message.room_id = call.room_id AND message.sequence <= call.left_out
     WHERE message.sequence < coalesce($3::integer, 2147483647)
     ORDER BY message.sequence DESC
     LIMIT $4::integer + 1
), newest AS (
    SELECT message, sequence, row_number() OVER newest_first AS place,
           sum(octet_length(message::text)) OVER newest_first - octet_length(message::text) AS bytes_after
      FROM (SELECT * FROM kept UNION ALL SELECT * FROM left_out) AS found
     WHERE sequence < coalesce($3::integer, 2147483647)
    WINDOW newest_first AS (ORDER BY sequence DESC)
     ORDER BY sequence DESC
     LIMIT $4::integer + 1
), page AS (
    SELECT message, sequence FROM newest WHERE place <= $4::integer AND bytes_after < $5::integer
)
SELECT coalesce((SELECT jsonb_agg(message ORDER BY sequence) FROM page), '[]') AS messages,
       CASE WHEN (SELECT count(*) FROM newest) > (SELECT count(*) FROM page)
            THEN (SELECT min(sequence) FROM page) END AS next
  FROM call
