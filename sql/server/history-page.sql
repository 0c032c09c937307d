-- At most $3 past calls of user $1, newest first, from before the one with id $2; from the newest when that is null. Of
-- each call the last $4 messages; the page ends after the call whose messages bring it to $5 bytes. `isLast`: nothing
-- is left after this page. `nextMessages`: the number before which the call's other messages are, null when there are none.
WITH page AS (
    SELECT call.*
      FROM public.chat_history AS call
     WHERE call.user_id = $1::uuid
       AND ($2::uuid IS NULL
            OR (call.started_at, call.id) < (SELECT mark.started_at, mark.id
                                               FROM public.chat_history AS mark
                                              WHERE mark.id = $2::uuid AND mark.user_id = $1::uuid))
     ORDER BY call.started_at DESC, call.id DESC
     LIMIT $3::integer
), cut AS MATERIALIZED (
    SELECT page.id,
           coalesce((page.messages #>> '{0,leftOut}')::integer, 0) + jsonb_array_length(page.messages) AS message_count,
           jsonb_path_query_array(page.messages #- '{0,leftOut}', '$[last - $lead to last]',
                                  jsonb_build_object('lead', $4::integer - 1)) AS messages
      FROM page
), measured AS (
    SELECT page.*, cut.messages AS last_messages, cut.message_count, count(*) OVER () AS found,
           sum(octet_length(cut.messages::text)) OVER newest - octet_length(cut.messages::text) AS bytes_before
      FROM page
      JOIN cut ON cut.id = page.id
    WINDOW newest AS (ORDER BY page.started_at DESC, page.id DESC)
)
SELECT call.id AS "historyId", call.room_id AS "roomId",
       CASE WHEN partner.user_id IS NOT NULL
            THEN json_build_object('userId', partner.user_id, 'name', partner.name) END AS partner,
       call.chat_mode AS mode,
       (extract(epoch FROM call.started_at) * 1000)::float8 AS "startedAt",
       call.duration_seconds AS "durationSeconds", call.last_messages AS messages, call.message_count AS "messageCount",
       CASE WHEN call.message_count > jsonb_array_length(call.last_messages)
            THEN (call.last_messages #>> '{0,sequence}')::integer END AS "nextMessages",
       call.found < $3::integer AND count(*) OVER () = call.found AS "isLast"
  FROM measured AS call
  LEFT JOIN public.users AS partner ON partner.user_id = call.partner_user_id
 WHERE call.bytes_before < $5::integer
 ORDER BY call.started_at DESC, call.id DESC
