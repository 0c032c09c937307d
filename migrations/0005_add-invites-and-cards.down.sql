-- Takes the ways in away again.

drop table if exists public.usc_scan_attempts;
drop table if exists public.usc_card_registrations;
drop table if exists public.invite_codes;
