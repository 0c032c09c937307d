-- Brings what holds people back for a while: cooldowns between two users, and rate limits.
-- One step, because both are counters that expire, are written behind, and mean nothing once they have run out.

create table if not exists public.cooldowns (
  user_low   uuid        not null references public.users (user_id) on delete cascade,
  user_high  uuid        not null references public.users (user_id) on delete cascade,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (user_low, user_high),
  constraint cooldowns_pair_check check (user_low < user_high)
);

create index if not exists cooldowns_user_high_idx on public.cooldowns (user_high);
create index if not exists cooldowns_expires_at_idx on public.cooldowns (expires_at);

create table if not exists public.rate_limits (
  key          text        not null,
  window_start timestamptz not null,
  count        integer     not null default 0,
  expires_at   timestamptz not null,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  primary key (key, window_start),
  constraint rate_limits_key_check check (char_length(key) between 1 and 300),
  constraint rate_limits_count_check check (count >= 0),
  constraint rate_limits_expires_at_check check (expires_at > window_start)
);

create index if not exists rate_limits_expires_at_idx on public.rate_limits (expires_at);

-- An older users.cooldowns maps the other user to a moment in epoch milliseconds. That moment is taken as the end of
-- the cooldown, not as the last call: a cooldown is stored by its end everywhere else, and the map holds no other time.
-- When both sides hold the pair, the later end wins. The comment left on the table ends the matter: cooldowns that
-- were pruned or wiped must not come back because this file was run once more.
do $$
declare
  uuid_form constant text := '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';
  imported  bigint;
begin
  if obj_description('public.cooldowns'::regclass, 'pg_class') is not distinct from 'users.cooldowns is imported'
     or not exists (
       select from pg_attribute
       where attrelid = 'public.users'::regclass and attname = 'cooldowns' and not attisdropped
     ) then
    return;
  end if;

  -- CASE, not AND, decides before a cast: the planner may reorder conditions.
  with entries as (
    select u.user_id,
           case when lower(entry.key) ~ uuid_form then entry.key::uuid end                              as other_id,
           case when jsonb_typeof(entry.value) = 'number' then (entry.value #>> '{}')::numeric end      as ends_ms
    from public.users u
    cross join lateral to_jsonb(u.cooldowns) map
    cross join lateral jsonb_each(case when jsonb_typeof(map) = 'object' then map else '{}' end) entry
  )
  insert into public.cooldowns (user_low, user_high, expires_at)
  select least(e.user_id, other.user_id),
         greatest(e.user_id, other.user_id),
         to_timestamp(max(e.ends_ms) / 1000)
  from entries e
  join public.users other on other.user_id = e.other_id and other.user_id <> e.user_id
  where e.ends_ms between 1 and 253402300799999 -- up to the year 9999
  group by 1, 2
  on conflict (user_low, user_high) do update
    set expires_at = excluded.expires_at, updated_at = now()
    where cooldowns.expires_at < excluded.expires_at;

  get diagnostics imported = row_count;
  if imported > 0 then
    comment on table public.cooldowns is 'users.cooldowns is imported';
  end if;
end
$$;
