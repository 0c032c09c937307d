-- Activity comes back with its room: $2 are the rooms that do. A warning keeps its start, so its end is not put off.
SELECT count(*) FILTER (WHERE comes_back)::float8     AS live,
       count(*) FILTER (WHERE NOT comes_back)::float8 AS expired,
       CASE WHEN count(*) FILTER (WHERE is_warned) > 0
            THEN format('%s under a warning, the longest for %s s', count(*) FILTER (WHERE is_warned),
                        max(extract(epoch FROM $1::timestamptz - warning_started_at)::bigint) FILTER (WHERE is_warned))
            ELSE '' END                               AS detail
  FROM public.text_room_activity
 CROSS JOIN LATERAL (SELECT room_id = ANY ($2::uuid[]) AS comes_back) AS room
 CROSS JOIN LATERAL (SELECT comes_back AND warning_started_at IS NOT NULL AS is_warned) AS torch
