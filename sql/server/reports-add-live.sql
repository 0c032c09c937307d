-- User $1 reports user $2 for what happens in room $3, because of $4; $5 is what memory knows of the room. A side whose
-- account is gone is left empty: the evidence names both.
INSERT INTO public.reports (reporter_user_id, reported_user_id, room_id, reason, session_data)
SELECT (SELECT user_id FROM public.users WHERE user_id = $1::uuid),
       (SELECT user_id FROM public.users WHERE user_id = $2::uuid),
       $3::uuid, $4,
       $5::jsonb || jsonb_build_object('messageCount', (SELECT count(*)
                                                          FROM public.text_chat_messages
                                                         WHERE room_id = $3::uuid))
RETURNING report_id::text AS "reportId"
