import { byId, say } from "/client/page.js";

const texts = {
  connecting: "Connecting…",
  online: "Connected",
  lost: "Server lost, trying again…",
  resuming: "Resuming…",
  resumed: "Resumed",
  replaced: "Open elsewhere",
  refused: "Not connected",
};
const resumedMs = 4000;
let calmTimer;

/** How the page stands with the server. `resumed` becomes `online` by itself. */
export function showStatus(state, text = texts[state]) {
  clearTimeout(calmTimer);
  const pill = byId("connection");
  pill.hidden = false;
  pill.dataset.state = state;
  say("connection", text);
  if (state === "resumed") calmTimer = setTimeout(() => showStatus("online"), resumedMs);
}

export function statusNow() {
  return byId("connection").dataset.state;
}
