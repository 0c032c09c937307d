import { createGuest, forgetSession, problemOf, readSession } from "/client/account.js";
import { openConnection } from "/client/connection.js";
import { openIceServers } from "/client/ice.js";
import { openInvites } from "/client/invite.js";
import { openLobby } from "/client/lobby.js";
import { byId, say, showView } from "/client/page.js";
import { openRoom, partnerName } from "/client/room.js";
import { showStatus, statusNow } from "/client/status.js";

/** The page: a name, then the lobby, then one room after the other. What the server says last always wins. */
const roomIsGone = new Set(["room_ended", "no_such_room", "not_your_room"]);

let connection;
let findIceServers;
let me;
let skewMs = 0;
let current;
/** A room that was left while the server could not hear it. */
let leftRoomId;
let resumption = 0;

const request = (event, payload) => connection.request(event, payload);
const serverNow = () => Date.now() + skewMs;
const lobby = openLobby({ request });
const invites = openInvites({ request });

byId("start-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("start-problem", "");
  const button = event.submitter ?? event.target.querySelector("button");
  button.disabled = true;
  try {
    open(await createGuest(byId("name").value.trim()));
  } catch (error) {
    say("start-problem", error.message);
  }
  button.disabled = false;
});
byId("chat-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const body = byId("body").value.trim();
  if (body !== "") current?.write(body);
  byId("body").value = "";
});
byId("leave").addEventListener("click", leave);
byId("over-next").addEventListener("click", () => (me ? lobby.show(me) : location.reload()));

const session = readSession();
if (session) open(session);
else showView("start");

function open({ token }) {
  findIceServers = openIceServers(token);
  connection = openConnection({ token, onStatus: hearStatus });
  connection.on("session", meet);
  connection.on("room:state", ({ room }) => hearRoom(room));
  connection.on("chat:message", ({ roomId, message }) => inRoom(roomId)?.receiveMessage(message));
  connection.on("torch:warning", (warning) => inRoom(warning.roomId)?.warn(warning));
  connection.on("rtc:restart", ({ roomId }) => inRoom(roomId)?.restartCall());
  for (const event of ["rtc:offer", "rtc:answer", "rtc:ice"]) {
    connection.on(event, (signal) => inRoom(signal.roomId)?.receiveSignal(event, signal));
  }
  connection.on("presence", lobby.showCrowd);
  connection.on("invite:send", (invite) => invites.ring(invite, serverNow));
  connection.on("invite:decline", lobby.declined);
  connection.on("server:stopping", () => showStatus("lost", "Server restarts…"));
}

function inRoom(roomId) {
  return current?.roomId === roomId ? current : undefined;
}

/** The server tells who this is and where: after the first connection and after each one later. */
function meet({ userId, name, room, serverTime }) {
  me = { userId, name };
  skewMs = serverTime - Date.now();
  // Known before the first call needs them.
  findIceServers();
  if (room && room.roomId === leftRoomId) return leaveAtLast(room.roomId);
  if (room && room.status !== "ended") return inRoom(room.roomId) ? resume(current) : enter(room, "room:rejoin");
  if (current) return end(current.room(), "It ended while you were away.");
  if (byId("over").hidden) lobby.show(me);
  lobby.resume();
}

function hearRoom(room) {
  if (room.status === "ended") {
    if (inRoom(room.roomId)) end(room);
  } else if (inRoom(room.roomId)) {
    current.apply(room);
  } else if (room.roomId !== leftRoomId) {
    enter(room, "room:join");
  }
}

function enter(room, event) {
  current?.close();
  lobby.settle();
  invites.close();
  current = openRoom({ first: room, me, request, isOnline: connection.isOnline, findIceServers, serverNow });
  takeSeat(current, event);
}

function resume(room) {
  showStatus("resuming");
  return takeSeat(room, "room:rejoin");
}

/** Until the server lets this side in, says that the room is gone, or says anew where this side is. */
async function takeSeat(room, event) {
  resumption += 1;
  const mine = resumption;
  for (;;) {
    const rest = await room.join(event);
    if (mine !== resumption || current !== room) return;
    if (roomIsGone.has(rest?.code)) return end(room.room(), "It ended while you were away.");
    if ((!rest || rest.isSeated) && statusNow() === "resuming") showStatus("resumed");
    if (!rest || !connection.isOnline()) return;
    await new Promise((resolve) => setTimeout(resolve, rest.retryAfterMs ?? 500));
  }
}

function leave() {
  const room = current.room();
  leftRoomId = room.roomId;
  request("room:leave", { roomId: room.roomId });
  end({ ...room, reason: "you" });
}

async function leaveAtLast(roomId) {
  await request("room:leave", { roomId });
  if (!current && byId("over").hidden) lobby.show(me);
}

function end(room, text) {
  const name = partnerName(room);
  const reasons = {
    you: "You have left.",
    left: `${name} has left.`,
    grace: room.partner.connected ? "You were away for too long." : `${name} did not come back in time.`,
    torch: "Nobody wrote anything for a while.",
    banned: "The moderation has ended it.",
  };
  current?.close();
  current = undefined;
  finish({
    title: `Your ${room.mode === "video" ? "call" : "chat"} with ${name} is over`,
    text: text ?? reasons[room.reason] ?? "It has ended.",
    next: "Meet someone else",
  });
}

function finish({ title, text, next }) {
  say("over-title", title);
  say("over-text", text);
  say("over-next", next);
  showView("over");
}

function hearStatus(status, reason) {
  showStatus(status);
  if (status === "lost") current?.loseSeat();
  if (status !== "replaced" && status !== "refused") return;
  me = undefined;
  if (status === "replaced") {
    return finish({ title: "You are here twice", text: "This session is open in another tab.", next: "Use it here" });
  }
  forgetSession();
  finish({ title: "Please start again", text: problemOf(reason), next: "Start" });
}
