-- Brings what a server holds in memory and must find again after a restart: rooms, their torches, intro links.
-- One step, because recovery reads them together; server_instances tells it whether the owner of a room lived lately.

create table if not exists public.server_instances (
  epoch        bigint      primary key,
  host         text        not null,
  pid          integer     not null,
  started_at   timestamptz not null default now(),
  heartbeat_at timestamptz not null default now(),
  stopped_at   timestamptz,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint server_instances_epoch_check check (epoch > 0),
  constraint server_instances_pid_check check (pid > 0)
);

-- owner_epoch is no foreign key: rooms are written in the background and must not wait for the row of their server.
create table if not exists public.active_rooms (
  room_id          uuid        primary key default gen_random_uuid(),
  user_1           uuid        not null references public.users (user_id) on delete cascade,
  user_2           uuid        not null references public.users (user_id) on delete cascade,
  started_at       timestamptz not null default now(),
  duration_seconds integer     not null default 0,
  chat_mode        text        not null,
  status           text        not null default 'active',
  user_1_connected boolean     not null default true,
  user_2_connected boolean     not null default true,
  grace_expires_at timestamptz,
  messages         jsonb       not null default '[]',
  owner_epoch      bigint      not null default 0,
  version          bigint      not null default 0,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint active_rooms_users_check check (user_1 <> user_2),
  constraint active_rooms_duration_seconds_check check (duration_seconds >= 0),
  constraint active_rooms_chat_mode_check check (chat_mode in ('video', 'text')),
  constraint active_rooms_status_check check (status in ('active', 'grace_period', 'ended')),
  constraint active_rooms_grace_expires_at_check check (status <> 'grace_period' or grace_expires_at is not null),
  constraint active_rooms_messages_check check (jsonb_typeof(messages) = 'array'),
  constraint active_rooms_owner_epoch_check check (owner_epoch >= 0),
  constraint active_rooms_version_check check (version >= 0)
);

create index if not exists active_rooms_user_1_idx on public.active_rooms (user_1);
create index if not exists active_rooms_user_2_idx on public.active_rooms (user_2);
create index if not exists active_rooms_recovery_idx on public.active_rooms (status, updated_at)
  where status in ('active', 'grace_period');

create table if not exists public.text_room_activity (
  room_id                uuid        primary key references public.active_rooms (room_id) on delete cascade,
  user_1_last_message_at timestamptz,
  user_2_last_message_at timestamptz,
  warning_started_at     timestamptz,
  created_at             timestamptz not null default now(),
  updated_at             timestamptz not null default now()
);

-- A link goes on working when whoever made it is gone, which is why it keeps both names.
create table if not exists public.referral_mappings (
  referral_code      text        primary key,
  target_user_id     uuid        not null references public.users (user_id) on delete cascade,
  created_by_user_id uuid        references public.users (user_id) on delete set null,
  target_name        text        not null,
  created_by_name    text        not null,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint referral_mappings_referral_code_check check (char_length(referral_code) between 1 and 100)
);

create index if not exists referral_mappings_target_user_id_idx on public.referral_mappings (target_user_id);
create index if not exists referral_mappings_created_by_user_id_idx on public.referral_mappings (created_by_user_id);

-- referral_code is no foreign key: the mapping is written in the background and may arrive after the notification.
create table if not exists public.referral_notifications (
  id             uuid        primary key default gen_random_uuid(),
  target_user_id uuid        not null references public.users (user_id) on delete cascade,
  from_user_id   uuid        references public.users (user_id) on delete set null,
  referral_code  text        not null,
  message        text        not null,
  read_at        timestamptz,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now()
);

create index if not exists referral_notifications_target_user_id_idx
  on public.referral_notifications (target_user_id, created_at);
create index if not exists referral_notifications_from_user_id_idx on public.referral_notifications (from_user_id);
