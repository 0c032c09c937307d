-- User $1 reports the partner of room $2, which has ended or lives on another server, because of $3. No row when the user
-- was not in it.
WITH past AS (
    SELECT partner_user_id, room_id, chat_mode, started_at, duration_seconds, 'history' AS source, 'ended' AS status,
           jsonb_array_length(messages) + coalesce((messages #>> '{0,leftOut}')::integer, 0) AS said_messages
      FROM public.chat_history
     WHERE room_id = $2::uuid AND user_id = $1::uuid
    UNION ALL
    SELECT CASE WHEN user_1 = $1::uuid THEN user_2 ELSE user_1 END, room_id, chat_mode, started_at,
           greatest(0, extract(epoch FROM now() - started_at))::integer, 'rooms', status, 0
      FROM public.active_rooms
     WHERE room_id = $2::uuid AND $1::uuid IN (user_1, user_2)
     -- The history says more than the row that an ended room leaves for a while.
     ORDER BY source
     LIMIT 1
)
INSERT INTO public.reports (reporter_user_id, reported_user_id, room_id, reason, session_data)
SELECT $1::uuid, past.partner_user_id, past.room_id, $3,
       jsonb_build_object(
         'source', past.source, 'roomId', past.room_id, 'mode', past.chat_mode, 'status', past.status,
         'userIds', jsonb_build_array($1::uuid, past.partner_user_id),
         'startedAt', past.started_at,
         'endedAt', CASE WHEN past.status = 'ended'
                         THEN past.started_at + past.duration_seconds * interval '1 second' END,
         'durationSeconds', past.duration_seconds,
         'messageCount', greatest(past.said_messages, (SELECT count(*)
                                                         FROM public.text_chat_messages
                                                        WHERE room_id = $2::uuid)))
  FROM past
RETURNING report_id::text AS "reportId"
