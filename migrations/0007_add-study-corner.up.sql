-- Brings the study corner: todos, direct messages, friendships, daily reports and timer sessions.
-- One step, because these are the tables whose every write also feeds the secondary database.

create table if not exists public.todos (
  id         uuid        primary key default gen_random_uuid(),
  user_id    uuid        not null references public.users (user_id) on delete cascade,
  title      text        not null,
  done       boolean     not null default false,
  due_at     timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint todos_title_check check (char_length(title) between 1 and 500)
);

create index if not exists todos_user_id_idx on public.todos (user_id, due_at);

create table if not exists public.direct_messages (
  id                uuid        primary key default gen_random_uuid(),
  sender_user_id    uuid        not null references public.users (user_id) on delete cascade,
  recipient_user_id uuid        not null references public.users (user_id) on delete cascade,
  body              text        not null,
  sent_at           timestamptz not null default now(),
  read_at           timestamptz,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  constraint direct_messages_sides_check check (sender_user_id <> recipient_user_id),
  constraint direct_messages_body_check check (char_length(body) between 1 and 10000)
);

create index if not exists direct_messages_sender_user_id_idx on public.direct_messages (sender_user_id, sent_at);
create index if not exists direct_messages_recipient_user_id_idx on public.direct_messages (recipient_user_id, sent_at);

-- The pair is ordered so that it is unique; requested_by says which of the two asked or blocked.
create table if not exists public.friendships (
  id           uuid        primary key default gen_random_uuid(),
  user_low     uuid        not null references public.users (user_id) on delete cascade,
  user_high    uuid        not null references public.users (user_id) on delete cascade,
  requested_by uuid        not null,
  status       text        not null default 'pending',
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint friendships_user_low_user_high_key unique (user_low, user_high),
  constraint friendships_pair_check check (user_low < user_high),
  constraint friendships_requested_by_check check (requested_by in (user_low, user_high)),
  constraint friendships_status_check check (status in ('pending', 'accepted', 'blocked'))
);

create index if not exists friendships_user_high_idx on public.friendships (user_high);

create table if not exists public.daily_reports (
  id          uuid         primary key default gen_random_uuid(),
  user_id     uuid         not null references public.users (user_id) on delete cascade,
  day         date         not null,
  study_hours numeric(4,2) not null default 0,
  summary     text         not null default '',
  created_at  timestamptz  not null default now(),
  updated_at  timestamptz  not null default now(),
  constraint daily_reports_user_id_day_key unique (user_id, day),
  constraint daily_reports_study_hours_check check (study_hours between 0 and 24)
);

create table if not exists public.timer_sessions (
  id         uuid        primary key default gen_random_uuid(),
  user_id    uuid        not null references public.users (user_id) on delete cascade,
  started_at timestamptz not null default now(),
  ended_at   timestamptz,
  seconds    integer     not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint timer_sessions_seconds_check check (seconds >= 0)
);

create index if not exists timer_sessions_user_id_idx on public.timer_sessions (user_id, started_at);
