import type { StateEntry } from "./catalogue.js";

/** Every kind of state that the reference room server keeps: where it lives and what losing it means. */
export const referenceStates: readonly StateEntry[] = [
  durable("users", "users", "profiles, settings, payment status gone", "critical"),
  durable("sessions", "sessions", "everyone signed out (expiry, device info)", "critical"),
  durable("session completions", "session_completions", "video-call tracking for the QR unlock gone", "high"),
  durable("chat history", "chat_history", "past video/text conversations gone", "high"),
  {
    ...durable("text chat messages", "text_chat_messages", "messages of a running chat gone", "critical"),
    verdict: "persist before acknowledging",
  },
  durable("reports", "reports", "moderation evidence (with session_data) gone", "high"),
  durable("user bans", "user_bans", "temporary/permanent bans lifted", "critical"),
  durable("IP bans", "ip_bans", "blocks lifted", "critical"),
  durable("invite codes", "invite_codes", "QR/invite codes and their usage counts gone", "high"),
  durable("referral notifications", "referral_notifications", "intro notifications gone", "medium"),
  durable("USC card registrations", "usc_card_registrations", "card can be registered twice", "high"),
  durable("USC scan attempts", "usc_scan_attempts", "abuse limits reset", "medium"),
  durable("user locations", "user_locations", "last known location gone", "low"),
  writeBehind("active rooms", "active_rooms", "every running call disconnected", "critical"),
  writeBehind("referral mappings", "referral_mappings", "intro links stop working", "high"),
  writeBehind("text room activity", "text_room_activity", "inactivity (torch) rule restarts", "medium"),
  writeBehind("cooldowns", "cooldowns", "24 h cooldown between two users can be bypassed", "high"),
  { ...writeBehind("timer totals", "users", "totals go stale", "medium"), column: "timer_total_seconds" },
  {
    ...writeBehind("rate limits", "rate_limits", "limits reset for a moment", "low"),
    verdict: "optional, on by default",
  },
  ephemeral("presence", "users rejoin the queue", "changes every second"),
  ephemeral("active invites", "they expire after 20 s and can be resent", "expires after 20 s"),
  ephemeral("seen in session", "resets on purpose", "belongs to one session only"),
];

function durable(name: string, table: string, lossMeans: string, priority: StateEntry["priority"]): StateEntry {
  return { name, persistence: "durable", table, lossMeans, priority, verdict: "persist" };
}

function writeBehind(name: string, table: string, lossMeans: string, priority: StateEntry["priority"]): StateEntry {
  return { name, persistence: "write-behind", table, lossMeans, priority, verdict: "persist" };
}

function ephemeral(name: string, consequence: string, ephemeralBecause: string): StateEntry {
  return {
    name,
    persistence: "ephemeral",
    lossMeans: `none: ${consequence}`,
    priority: "none",
    verdict: "keep in memory",
    ephemeralBecause,
  };
}
