import type { WipeSubject } from "./catalogue.js";

/** What of the reference app can be wiped by itself. Foreign keys add the rest: a user's rooms, messages, sessions. */
export const referenceSubjects: readonly WipeSubject[] = [
  {
    name: "room",
    // Reports stay: they are about people, and name the room only as the place.
    summary: "a room with its messages and its history, by its id",
    rows: [
      { table: "active_rooms", where: "room_id = {value}" },
      { table: "text_chat_messages", where: "room_id = {value}" },
      { table: "session_completions", where: "room_id = {value}" },
      { table: "chat_history", where: "room_id = {value}" },
    ],
  },
  {
    name: "user",
    summary: "a user with all that is theirs, by their id",
    rows: [{ table: "users", where: "user_id = {value}" }],
  },
  {
    name: "test-users",
    summary: "users whose name or e-mail is like the pattern, with all that is theirs",
    rows: [{ table: "users", where: "name LIKE {value} OR email LIKE {value}" }],
  },
];

/** How old a row is, where `created_at` does not say when the thing itself happened. */
export const referenceAges: Readonly<Record<string, string>> = {
  active_rooms: "started_at",
  session_completions: "completed_at",
  chat_history: "started_at",
  text_chat_messages: "sent_at",
  direct_messages: "sent_at",
  user_locations: "at",
  usc_scan_attempts: "at",
  timer_sessions: "started_at",
};
