-- Takes rooms, intro links and the record of servers away again.

drop table if exists public.referral_notifications;
drop table if exists public.referral_mappings;
drop table if exists public.text_room_activity;
drop table if exists public.active_rooms;
drop table if exists public.server_instances;
