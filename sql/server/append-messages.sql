-- Messages ($1) in the order given, under the epoch $2; each gets the next number of its room. One that is there already
-- was sent again because its answer was lost: it keeps its number. An id that somebody else has
-- used gets no receipt, and is refused by that. Only the room's owner appends, one statement at a time.
WITH owner AS MATERIALIZED (
    {owner}
), given AS MATERIALIZED (
    SELECT message.*
      FROM json_to_recordset($1::json) AS message (
           ordinal integer, message_id uuid, room_id uuid, sender_user_id uuid, body text, sent_at timestamptz)
     CROSS JOIN owner
), known AS (
    SELECT message.id, message.room_id, message.sender_user_id, message.body, message.sent_at, message.sequence
      FROM public.text_chat_messages AS message
     WHERE (message.id, message.room_id, message.sender_user_id)
        IN (SELECT message_id, room_id, sender_user_id FROM given)
), numbered AS (
    SELECT DISTINCT ON (given.message_id) given.*
      FROM given
     WHERE NOT EXISTS (SELECT FROM public.text_chat_messages AS taken WHERE taken.id = given.message_id)
     ORDER BY given.message_id, given.ordinal
), written AS (
    INSERT INTO public.text_chat_messages (id, room_id, sender_user_id, body, sent_at, sequence)
    SELECT message_id, room_id, sender_user_id, body, sent_at,
           (SELECT coalesce(max(last.sequence), 0) FROM public.text_chat_messages AS last
             WHERE last.room_id = numbered.room_id)
           + row_number() OVER (PARTITION BY room_id ORDER BY ordinal)
      FROM numbered
    RETURNING id, room_id, sender_user_id, body, sent_at, sequence
), stored AS (
    SELECT * FROM known UNION ALL SELECT * FROM written
)
SELECT EXISTS (SELECT FROM owner) AS owned,
       coalesce((SELECT json_agg(json_build_object('ordinal', given.ordinal, 'messageId', stored.id,
                                                   'roomId', stored.room_id, 'senderUserId', stored.sender_user_id,
                                                   'body', stored.body, 'sentAt', stored.sent_at,
                                                   'sequence', stored.sequence) ORDER BY given.ordinal)
                   FROM given
                   JOIN stored ON (stored.id, stored.room_id, stored.sender_user_id)
                                = (given.message_id, given.room_id, given.sender_user_id)), '[]') AS receipts
