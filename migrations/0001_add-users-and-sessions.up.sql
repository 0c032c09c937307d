-- Brings people: users, their sessions, e-mail codes and last known place.
-- One step, because everything that comes later points at users and none of it works without signing in.

create table if not exists public.users (
  user_id uuid primary key default gen_random_uuid()
);

-- One list of columns fills a new table and widens an older one, so the two cannot drift apart.
-- Columns an older table already has stay as they are, whatever their type. Those added to it carry a comment:
-- it is how the down file tells them from what was there before.
do $$
declare
  wanted constant text[] := array[
    'name', 'gender', 'account_type', 'email', 'email_verified_at', 'usc_id', 'payment_status', 'selfie_url',
    'video_url', 'instagram_posts', 'timer_total_seconds', 'total_points', 'qr_unlocked_at', 'created_at', 'updated_at'
  ];
  present constant text[] := array(
    select attname::text
    from pg_attribute
    where attrelid = 'public.users'::regclass and attnum > 0 and not attisdropped
  );
  added text;
begin
  -- Even an ADD COLUMN that finds its column takes an exclusive lock, hence the look first.
  if wanted <@ present then
    return;
  end if;

  alter table public.users
    add column if not exists name text not null default 'Guest'
      constraint users_name_check check (char_length(name) between 1 and 200),
    add column if not exists gender text not null default 'unspecified'
      constraint users_gender_check check (char_length(gender) between 1 and 40),
    add column if not exists account_type text not null default 'guest'
      constraint users_account_type_check check (account_type in ('guest', 'permanent')),
    add column if not exists email text
      constraint users_email_check check (email like '_%@_%' and char_length(email) <= 320),
    add column if not exists email_verified_at timestamptz,
    add column if not exists usc_id text
      constraint users_usc_id_check check (char_length(usc_id) between 1 and 64),
    add column if not exists payment_status text not null default 'unpaid'
      constraint users_payment_status_check
      check (payment_status in ('unpaid', 'pending', 'paid', 'qr_verified', 'refunded')),
    add column if not exists selfie_url text,
    add column if not exists video_url text,
    add column if not exists instagram_posts jsonb not null default '[]'
      constraint users_instagram_posts_check check (jsonb_typeof(instagram_posts) = 'array'),
    add column if not exists timer_total_seconds integer not null default 0
      constraint users_timer_total_seconds_check check (timer_total_seconds >= 0),
    add column if not exists total_points integer not null default 0
      constraint users_total_points_check check (total_points >= 0),
    add column if not exists qr_unlocked_at timestamptz,
    add column if not exists created_at timestamptz not null default now(),
    add column if not exists updated_at timestamptz not null default now();

  -- A table made a moment ago has this one column, with its default, and no rows.
  if present <> array['user_id']
     or exists (select from public.users)
     or not exists (select from pg_attrdef where adrelid = 'public.users'::regclass and adnum = 1) then
    foreach added in array wanted loop
      if added <> all (present) then
        execute format('comment on column public.users.%I is %L', added, 'added by 0001_add-users-and-sessions');
      end if;
    end loop;
  end if;
end
$$;

create unique index if not exists users_email_lower_key on public.users (lower(email));
create unique index if not exists users_usc_id_key on public.users (usc_id);

-- The token itself is never stored: the key is its SHA-256 in hex.
create table if not exists public.sessions (
  session_token text        primary key,
  user_id       uuid        not null references public.users (user_id) on delete cascade,
  expires_at    timestamptz not null,
  device_info   jsonb       not null default '{}',
  ip            inet,
  revoked_at    timestamptz,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  constraint sessions_session_token_check check (session_token ~ '^[0-9a-f]{64}$'),
  constraint sessions_device_info_check check (jsonb_typeof(device_info) = 'object')
);

create index if not exists sessions_user_id_idx on public.sessions (user_id);
create index if not exists sessions_expires_at_idx on public.sessions (expires_at);

create table if not exists public.email_verifications (
  id          uuid        primary key default gen_random_uuid(),
  user_id     uuid        not null references public.users (user_id) on delete cascade,
  email       text        not null,
  code_hash   text        not null,
  expires_at  timestamptz not null,
  attempts    integer     not null default 0,
  verified_at timestamptz,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  constraint email_verifications_email_check check (email like '_%@_%' and char_length(email) <= 320),
  constraint email_verifications_code_hash_check check (code_hash ~ '^[0-9a-f]{64}$'),
  constraint email_verifications_attempts_check check (attempts between 0 and 5)
);

create index if not exists email_verifications_user_id_idx on public.email_verifications (user_id, created_at);

create table if not exists public.user_locations (
  user_id    uuid             primary key references public.users (user_id) on delete cascade,
  lat        double precision not null,
  lon        double precision not null,
  accuracy   double precision,
  at         timestamptz      not null default now(),
  created_at timestamptz      not null default now(),
  updated_at timestamptz      not null default now(),
  constraint user_locations_lat_check check (lat between -90 and 90),
  constraint user_locations_lon_check check (lon between -180 and 180),
  constraint user_locations_accuracy_check check (accuracy >= 0)
);
