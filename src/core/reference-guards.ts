import type { GuardRules } from "./catalogue.js";

/** What the reference app's live rooms look like; its servers' heartbeats are known from its recovery. */
export const referenceGuards: GuardRules = {
  liveStatement: "reference/live-rooms",
};
