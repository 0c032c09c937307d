-- At most $3 past calls of user $1, newest first, from before the one with id $2; from the newest when that is null.
SELECT call.id AS "historyId", call.room_id AS "roomId",
       CASE WHEN partner.user_id IS NOT NULL
            THEN json_build_object('userId', partner.user_id, 'name', partner.name) END AS partner,
       call.chat_mode AS mode,
       (extract(epoch FROM call.started_at) * 1000)::float8 AS "startedAt",
       call.duration_seconds AS "durationSeconds", call.messages
  FROM public.chat_history AS call
  LEFT JOIN public.users AS partner ON partner.user_id = call.partner_user_id
 WHERE call.user_id = $1::uuid
   AND ($2::uuid IS NULL
        OR (call.started_at, call.id) < (SELECT mark.started_at, mark.id
                                           FROM public.chat_history AS mark
                                          WHERE mark.id = $2::uuid AND mark.user_id = $1::uuid))
 ORDER BY call.started_at DESC, call.id DESC
 LIMIT $3::integer
