-- Takes the study corner away again.

drop table if exists public.timer_sessions;
drop table if exists public.daily_reports;
drop table if exists public.friendships;
drop table if exists public.direct_messages;
drop table if exists public.todos;
