-- Brings moderation: reports, the bans that may follow from them, and blocked addresses.
-- One step, because a ban points at its report, and because an older app's bans have to hold from the first moment.

create sequence if not exists public.reports_report_id_seq as bigint;

-- A report is evidence: it outlives the account of either side.
create table if not exists public.reports (
  report_id        bigint      primary key default nextval('public.reports_report_id_seq'),
  reporter_user_id uuid        references public.users (user_id) on delete set null,
  reported_user_id uuid        references public.users (user_id) on delete set null,
  room_id          uuid,
  reason           text        not null,
  session_data     jsonb       not null default '{}',
  status           text        not null default 'pending',
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint reports_sides_check check (reporter_user_id <> reported_user_id),
  constraint reports_session_data_check check (jsonb_typeof(session_data) = 'object'),
  constraint reports_status_check check (status in ('pending', 'upheld', 'dismissed'))
);

alter sequence public.reports_report_id_seq owned by public.reports.report_id;

create index if not exists reports_reporter_user_id_idx on public.reports (reporter_user_id);
create index if not exists reports_reported_user_id_idx on public.reports (reported_user_id);

-- A temporary ban without expires_at lasts until somebody has looked at it; a permanent one never has a date.
create table if not exists public.user_bans (
  id         uuid        primary key default gen_random_uuid(),
  user_id    uuid        not null references public.users (user_id) on delete cascade,
  kind       text        not null,
  reason     text        not null,
  expires_at timestamptz,
  lifted_at  timestamptz,
  report_id  bigint      references public.reports (report_id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint user_bans_kind_check check (kind in ('temporary', 'permanent')),
  constraint user_bans_expires_at_check check (kind = 'temporary' or expires_at is null)
);

create index if not exists user_bans_user_id_idx on public.user_bans (user_id);
create index if not exists user_bans_report_id_idx on public.user_bans (report_id);

create table if not exists public.ip_bans (
  id         uuid        primary key default gen_random_uuid(),
  ip         inet        not null,
  reason     text        not null,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ip_bans_ip_key unique (ip)
);

-- An older ban_records differs from install to install, so each row is read as JSON, every field by any of its old
-- names. It stays as it is. The comment left on user_bans ends the matter: a ban that is lifted, deleted or archived
-- later must not come back because this file was run once more.
do $$
declare
  uuid_form constant text := '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
  old       record;
  moments   timestamptz[];
  inserted  bigint;
  adopted   bigint := 0;
begin
  if to_regclass('public.ban_records') is null
     or obj_description('public.user_bans'::regclass, 'pg_class') is not distinct from 'ban_records is adopted' then
    return;
  end if;

  -- Older times may lack a zone; they were written in UTC.
  perform set_config('TimeZone', 'UTC', true);

  for old in
    select lower(coalesce(r ->> 'id', r ->> 'ban_id', r::text))                             as key,
           lower(r ->> 'user_id')                                                           as user_id,
           lower(coalesce(r ->> 'kind', r ->> 'ban_type', r ->> 'ban_status', ''))          as kind,
           coalesce(r ->> 'reason', r ->> 'ban_reason', r ->> 'banned_reason', 'not recorded') as reason,
           array[
             coalesce(r ->> 'created_at', r ->> 'banned_at'),
             coalesce(r ->> 'expires_at', r ->> 'banned_until'),
             coalesce(r ->> 'lifted_at', r ->> 'unbanned_at')
           ]                                                                                as times
    from public.ban_records b
    cross join lateral to_jsonb(b) r
  loop
    -- These mark a person as cleared. What names no user at all cannot be adopted.
    continue when old.kind in ('none', 'lifted', 'vindicated') or old.user_id is null or old.user_id !~ uuid_form;

    moments := array[null, null, null];
    for i in 1 .. 3 loop
      begin
        moments[i] := case
          when old.times[i] ~ '^\d{12,}$' then to_timestamp(old.times[i]::numeric / 1000)
          when old.times[i] !~ 'infinity' then old.times[i]::timestamptz
        end;
      exception when data_exception then
        moments[i] := null; -- a time nobody can read must not cost the ban
      end;
    end loop;

    insert into public.user_bans (id, user_id, kind, reason, expires_at, lifted_at, created_at)
    select case when old.key ~ uuid_form then old.key::uuid else md5('ban_records ' || old.key)::uuid end,
           u.user_id,
           judged.kind,
           old.reason,
           case when judged.kind = 'temporary' then moments[2] end,
           moments[3],
           coalesce(moments[1], now())
    from public.users u
    cross join lateral (
      select case
        when old.kind like 'perm%' then 'permanent'
        when old.kind like 'temp%' or moments[2] is not null then 'temporary'
        else 'permanent'
      end as kind
    ) judged
    where u.user_id = old.user_id::uuid
    on conflict (id) do nothing;

    get diagnostics inserted = row_count;
    adopted := adopted + inserted;
  end loop;

  if adopted > 0 then
    comment on table public.user_bans is 'ban_records is adopted';
  end if;
end
$$;
