-- What a drill compares with what it was told, in one snapshot: all rooms, and what belongs to users $1, rooms $2 and
-- links $3. Moments are epoch milliseconds.
SELECT json_build_object(
    'at', extract(epoch FROM clock_timestamp())::float8 * 1000,
    'servers', (
        SELECT coalesce(json_agg(json_build_object(
                   'epoch', epoch::text, 'startedAt', extract(epoch FROM started_at)::float8 * 1000)), '[]')
          FROM public.server_instances),
    'rooms', (
        SELECT coalesce(json_agg(json_build_object(
                   'roomId', room_id, 'user1', user_1, 'user2', user_2, 'mode', chat_mode, 'status', status,
                   'user1Connected', user_1_connected, 'user2Connected', user_2_connected,
                   'graceExpiresAt', extract(epoch FROM grace_expires_at)::float8 * 1000,
                   'ownerEpoch', owner_epoch::text, 'version', version::text)), '[]')
          FROM public.active_rooms),
    'messages', (
        SELECT coalesce(json_agg(json_build_object(
                   'messageId', id, 'roomId', room_id, 'sender', sender_user_id, 'body', body, 'sequence', sequence)),
               '[]')
          FROM public.text_chat_messages
         WHERE room_id = ANY ($2::uuid[])),
    'histories', (
        SELECT coalesce(json_agg(json_build_object('roomId', room_id, 'userId', user_id)), '[]')
          FROM public.chat_history
         WHERE room_id = ANY ($2::uuid[]) OR room_id IN (SELECT room_id FROM public.active_rooms)),
    'completions', (
        SELECT coalesce(json_agg(json_build_object('roomId', room_id, 'userId', user_id)), '[]')
          FROM public.session_completions
         WHERE room_id = ANY ($2::uuid[])),
    'links', (
        SELECT coalesce(json_agg(json_build_object('code', referral_code, 'target', target_user_id)), '[]')
          FROM public.referral_mappings
         WHERE referral_code = ANY ($3::text[]) OR created_by_user_id = ANY ($1::uuid[])),
    'users', (
        SELECT coalesce(json_agg(json_build_object('userId', user_id, 'timerSeconds', timer_total_seconds)), '[]')
          FROM public.users
         WHERE user_id = ANY ($1::uuid[])),
    'activity', (
        SELECT coalesce(json_agg(json_build_object(
                   'roomId', room_id,
                   'user1LastMessageAt', extract(epoch FROM user_1_last_message_at)::float8 * 1000,
                   'user2LastMessageAt', extract(epoch FROM user_2_last_message_at)::float8 * 1000)), '[]')
          FROM public.text_room_activity
         WHERE room_id = ANY ($2::uuid[])),
    'limits', (
        SELECT coalesce(json_agg(json_build_object('key', key, 'count', count)), '[]')
          FROM public.rate_limits
         WHERE key IN (SELECT 'referrals user:' || id FROM unnest($1::uuid[]) AS id)),
    'cooldowns', (
        SELECT coalesce(json_agg(json_build_object('userLow', user_low, 'userHigh', user_high)), '[]')
          FROM public.cooldowns
         WHERE user_low = ANY ($1::uuid[]) OR user_high = ANY ($1::uuid[]))
) AS rows
