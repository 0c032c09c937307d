-- Brings the two ways in: invite codes and USC cards.
-- One step, because both are tokens that must not be used more often than allowed, however many try at once.

create table if not exists public.invite_codes (
  code       text        primary key,
  created_by uuid        references public.users (user_id) on delete set null,
  max_uses   integer     not null default 1,
  uses       integer     not null default 0,
  expires_at timestamptz,
  kind       text        not null default 'invite',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint invite_codes_code_check check (char_length(code) between 1 and 100),
  constraint invite_codes_max_uses_check check (max_uses > 0),
  constraint invite_codes_uses_check check (uses between 0 and max_uses),
  constraint invite_codes_kind_check check (kind in ('invite', 'qr'))
);

create index if not exists invite_codes_created_by_idx on public.invite_codes (created_by);

-- A row exists once finalize-registration has run, in the transaction that also sets users.usc_id.
-- No foreign key ties the two together, so that an audit can find the cases where only one half is there.
create table if not exists public.usc_card_registrations (
  usc_id           text        primary key,
  user_id          uuid        not null references public.users (user_id) on delete cascade,
  first_scanned_at timestamptz not null default now(),
  registered_at    timestamptz not null default now(),
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint usc_card_registrations_user_id_key unique (user_id),
  constraint usc_card_registrations_usc_id_check check (char_length(usc_id) between 1 and 64)
);

create table if not exists public.usc_scan_attempts (
  id         uuid        primary key default gen_random_uuid(),
  usc_id     text        not null,
  ip         inet        not null,
  outcome    text        not null,
  at         timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint usc_scan_attempts_usc_id_check check (char_length(usc_id) <= 64),
  constraint usc_scan_attempts_outcome_check
    check (outcome in ('accepted', 'already_registered', 'invalid', 'rate_limited'))
);

create index if not exists usc_scan_attempts_usc_id_idx on public.usc_scan_attempts (usc_id, at);
create index if not exists usc_scan_attempts_ip_idx on public.usc_scan_attempts (ip, at);
