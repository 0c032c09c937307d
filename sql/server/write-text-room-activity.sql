-- When the sides of text rooms spoke last ($1), under the epoch $2. A room's own row is written first; where it is not
-- there, a user of it is gone, and nothing is left to time. The rows of ended rooms go with them.
WITH owner AS MATERIALIZED (
    {owner}
), written AS (
    INSERT INTO public.text_room_activity
           (room_id, user_1_last_message_at, user_2_last_message_at, warning_started_at, updated_at)
    SELECT given.room_id, given.user_1_last_message_at, given.user_2_last_message_at, given.warning_started_at,
           clock_timestamp()
      FROM json_to_recordset($1::json) AS given (
           room_id uuid, user_1_last_message_at timestamptz, user_2_last_message_at timestamptz,
           warning_started_at timestamptz, deleted boolean)
     CROSS JOIN owner
      JOIN public.active_rooms AS room ON room.room_id = given.room_id
     WHERE NOT given.deleted
     ORDER BY given.room_id
       -- A room that is deleted at this moment, with a user of it, is waited for and then left out.
       FOR KEY SHARE OF room
        ON CONFLICT (room_id) DO UPDATE
       SET user_1_last_message_at = excluded.user_1_last_message_at,
           user_2_last_message_at = excluded.user_2_last_message_at,
           warning_started_at = excluded.warning_started_at, updated_at = excluded.updated_at
    RETURNING 1
)
SELECT EXISTS (SELECT FROM owner) AS owned, (SELECT count(*) FROM written)::integer AS written
