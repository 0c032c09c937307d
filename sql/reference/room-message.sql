jsonb_build_object('senderUserId', message.sender_user_id, 'body', message.body, 'sentAt', message.sent_at,
                   'sequence', message.sequence)
