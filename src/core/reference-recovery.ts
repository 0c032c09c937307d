import type { RecoveryDefinition } from "./catalogue.js";

/** How the reference app's rooms come back; `docs/recovery.md` has the rules. */
export const referenceRecovery: RecoveryDefinition = {
  freshnessSeconds: 600,
  graceSeconds: 10,
  // Three heartbeats, which come every 30 s.
  aliveSeconds: 90,
  roomsStatement: "reference/rooms",
  recoverStatement: "reference/recover-rooms",
  endStatement: "reference/end-rooms",
  fenceStatement: "reference/fence",
  serversStatement: "reference/servers",
  tables: ["active_rooms"],
  states: [
    { name: "referral links", table: "referral_mappings", statement: "reference/state-referral-links" },
    { name: "text room activity", table: "text_room_activity", statement: "reference/state-text-room-activity" },
    { name: "cooldowns", table: "cooldowns", statement: "reference/state-cooldowns" },
    { name: "timer totals", table: "users", statement: "reference/state-timer-totals" },
    { name: "rate limits", table: "rate_limits", statement: "reference/state-rate-limits" },
  ],
};
