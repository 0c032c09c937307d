import type { WipeScope } from "./catalogue.js";

/** The wipe scopes of the reference app. */
export const referenceScopes: readonly WipeScope[] = [
  {
    name: "usc",
    summary: "USC card registrations and scan attempts",
    tables: ["usc_card_registrations", "usc_scan_attempts"],
  },
  {
    name: "users",
    summary: "users with their sessions, history, reports and bans",
    tables: ["session_completions", "chat_history", "reports", "user_bans", "ip_bans", "sessions", "users"],
  },
  { name: "invites", summary: "invite and QR codes", tables: ["invite_codes"] },
  {
    name: "referrals",
    summary: "referral links and their notifications",
    tables: ["referral_mappings", "referral_notifications"],
  },
  { name: "rooms", summary: "running rooms and their activity", tables: ["active_rooms", "text_room_activity"] },
  { name: "chat", summary: "messages of text chats", tables: ["text_chat_messages"] },
  { name: "locations", summary: "last known locations", tables: ["user_locations"] },
  {
    name: "instagram",
    summary: "Instagram posts of all users (the users stay)",
    tables: [],
    resets: [{ table: "users", column: "instagram_posts", value: "'[]'::jsonb" }],
  },
  {
    name: "study",
    summary: "the study corner",
    tables: ["todos", "direct_messages", "friendships", "daily_reports", "timer_sessions"],
  },
  {
    name: "limits",
    summary: "rate limits, cooldowns, e-mail verifications",
    tables: ["rate_limits", "cooldowns", "email_verifications"],
  },
  {
    name: "all",
    summary: "every scope above, and the outbox",
    tables: [],
    includes: ["*"],
    optionalTables: ["roomctl.outbox"],
  },
];
