import type { TableShape } from "./catalogue.js";

/**
 * The columns that the reference app relies on, one `name type` after the other. Every table also has `created_at` and
 * `updated_at`. A test holds this against the migrations.
 */
export const referenceShapes: Readonly<Record<string, TableShape>> = {
  users: shape(`
    user_id uuid, name text, gender text, account_type text, email text, email_verified_at timestamptz,
    usc_id text, payment_status text, selfie_url text, video_url text, instagram_posts jsonb,
    timer_total_seconds integer, total_points integer, qr_unlocked_at timestamptz`),
  sessions: shape(`
    session_token text, user_id uuid, expires_at timestamptz, device_info jsonb, ip inet, revoked_at timestamptz`),
  email_verifications: shape(`
    id uuid, user_id uuid, email text, code_hash text, expires_at timestamptz, attempts integer,
    verified_at timestamptz`),
  user_locations: shape(`
    user_id uuid, lat double precision, lon double precision, accuracy double precision, at timestamptz`),
  session_completions: shape(`
    id bigint, user_id uuid, partner_user_id uuid, room_id uuid, duration_seconds integer,
    completed_at timestamptz`),
  chat_history: shape(`
    id uuid, user_id uuid, partner_user_id uuid, room_id uuid, started_at timestamptz, duration_seconds integer,
    messages jsonb, chat_mode text`),
  text_chat_messages: shape(`
    id uuid, room_id uuid, sender_user_id uuid, body text, sent_at timestamptz, sequence integer`),
  reports: shape(`
    report_id bigint, reporter_user_id uuid, reported_user_id uuid, room_id uuid, reason text, session_data jsonb,
    status text`),
  user_bans: shape(`
    id uuid, user_id uuid, kind text, reason text, expires_at timestamptz, lifted_at timestamptz, report_id bigint`),
  ip_bans: shape("id uuid, ip inet, reason text, expires_at timestamptz"),
  cooldowns: shape("user_low uuid, user_high uuid, expires_at timestamptz"),
  rate_limits: shape("key text, window_start timestamptz, count integer, expires_at timestamptz"),
  invite_codes: shape("code text, created_by uuid, max_uses integer, uses integer, expires_at timestamptz, kind text"),
  usc_card_registrations: shape("usc_id text, user_id uuid, first_scanned_at timestamptz, registered_at timestamptz"),
  usc_scan_attempts: shape("id uuid, usc_id text, ip inet, outcome text, at timestamptz"),
  server_instances: shape(`
    epoch bigint, host text, pid integer, started_at timestamptz, heartbeat_at timestamptz, stopped_at timestamptz`),
  active_rooms: shape(`
    room_id uuid, user_1 uuid, user_2 uuid, started_at timestamptz, duration_seconds integer, chat_mode text,
    status text, user_1_connected boolean, user_2_connected boolean, grace_expires_at timestamptz, messages jsonb,
    owner_epoch bigint, version bigint`),
  text_room_activity: shape(`
    room_id uuid, user_1_last_message_at timestamptz, user_2_last_message_at timestamptz,
    warning_started_at timestamptz`),
  referral_mappings: shape(`
    referral_code text, target_user_id uuid, created_by_user_id uuid, target_name text, created_by_name text`),
  referral_notifications: shape(`
    id uuid, target_user_id uuid, from_user_id uuid, referral_code text, message text, read_at timestamptz`),
  todos: shape("id uuid, user_id uuid, title text, done boolean, due_at timestamptz"),
  direct_messages: shape(`
    id uuid, sender_user_id uuid, recipient_user_id uuid, body text, sent_at timestamptz, read_at timestamptz`),
  friendships: shape("id uuid, user_low uuid, user_high uuid, requested_by uuid, status text"),
  daily_reports: shape("id uuid, user_id uuid, day date, study_hours numeric(4,2), summary text"),
  timer_sessions: shape("id uuid, user_id uuid, started_at timestamptz, ended_at timestamptz, seconds integer"),
};

function shape(columns: string): TableShape {
  const all = `${columns}, created_at timestamptz, updated_at timestamptz`.trim().split(/,\s+/);
  return Object.fromEntries(all.map((column) => [column.replace(/ .*/, ""), typeOf(column.replace(/^\w+ /, ""))]));
}

/** `format_type` spells it out. */
function typeOf(type: string): string {
  return type === "timestamptz" ? "timestamp with time zone" : type;
}
