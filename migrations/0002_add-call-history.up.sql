-- Brings what remains of a call: its completion and history per side, and the messages of text chats.
-- One step, because ending a room writes all of them together.
-- Rooms are named by a plain uuid here: the row of a room is gone once it has ended, its history is not.

create sequence if not exists public.session_completions_id_seq as bigint;

-- One row per side and room, so that a room which is ended twice, by a crash in between, is counted once.
create table if not exists public.session_completions (
  id               bigint      primary key default nextval('public.session_completions_id_seq'),
  user_id          uuid        not null references public.users (user_id) on delete cascade,
  partner_user_id  uuid        references public.users (user_id) on delete set null,
  room_id          uuid        not null,
  duration_seconds integer     not null,
  completed_at     timestamptz not null default now(),
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint session_completions_room_id_user_id_key unique (room_id, user_id),
  constraint session_completions_partner_check check (user_id <> partner_user_id),
  constraint session_completions_duration_seconds_check check (duration_seconds >= 0)
);

alter sequence public.session_completions_id_seq owned by public.session_completions.id;

create index if not exists session_completions_user_id_idx on public.session_completions (user_id, completed_at);
create index if not exists session_completions_partner_user_id_idx on public.session_completions (partner_user_id);

create table if not exists public.chat_history (
  id               uuid        primary key default gen_random_uuid(),
  user_id          uuid        not null references public.users (user_id) on delete cascade,
  partner_user_id  uuid        references public.users (user_id) on delete set null,
  room_id          uuid        not null,
  started_at       timestamptz not null,
  duration_seconds integer     not null,
  messages         jsonb       not null default '[]',
  chat_mode        text        not null,
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint chat_history_room_id_user_id_key unique (room_id, user_id),
  constraint chat_history_partner_check check (user_id <> partner_user_id),
  constraint chat_history_duration_seconds_check check (duration_seconds >= 0),
  constraint chat_history_messages_check check (jsonb_typeof(messages) = 'array'),
  constraint chat_history_chat_mode_check check (chat_mode in ('video', 'text'))
);

create index if not exists chat_history_user_id_idx on public.chat_history (user_id, started_at);
create index if not exists chat_history_partner_user_id_idx on public.chat_history (partner_user_id);

create table if not exists public.text_chat_messages (
  id             uuid        primary key default gen_random_uuid(),
  room_id        uuid        not null,
  sender_user_id uuid        not null references public.users (user_id) on delete cascade,
  body           text        not null,
  sent_at        timestamptz not null default now(),
  sequence       integer     not null,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint text_chat_messages_room_id_sequence_key unique (room_id, sequence),
  constraint text_chat_messages_body_check check (char_length(body) between 1 and 10000),
  constraint text_chat_messages_sequence_check check (sequence >= 0)
);

create index if not exists text_chat_messages_sender_user_id_idx on public.text_chat_messages (sender_user_id);
