import type { RecoveryDefinition } from "./catalogue.js";

/** How the reference app's rooms come back. */
export const referenceRecovery: RecoveryDefinition = {
  freshnessSeconds: 600,
  graceSeconds: 10,
  aliveSeconds: 90,
  roomsStatement: "reference/rooms",
  recoverStatement: "reference/recover-rooms",
  endStatement: "reference/end-rooms",
  fenceStatement: "reference/fence",
  serversStatement: "reference/servers",
  tables: ["active_rooms"],
  states: [],
};
