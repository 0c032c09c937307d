-- Takes moderation away again, adopted copies included. An older ban_records keeps every row it had.

drop table if exists public.ip_bans;
drop table if exists public.user_bans;
drop table if exists public.reports;
drop sequence if exists public.reports_report_id_seq;
