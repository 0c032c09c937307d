import { io, type Socket } from "socket.io-client";
import type { Settled } from "./drill-model.js";
import {
  chatSchema,
  inviteSchema,
  roomStateSchema,
  sessionSchema,
  torchEndedSchema,
  torchWarningSchema,
} from "./drill-protocol.js";
import { type Facts, leave, noteRoom, type Parts, patienceMs } from "./drill-user-state.js";

/** Connects a user to a server on loopback and takes in what it is told; false when it was not let in. */
export async function connect(parts: Parts, port: number, facts: Facts): Promise<boolean> {
  const { history, account, state } = parts;
  leave(parts);
  state.turn += 1;
  const { turn } = state;
  const known = state.room?.roomId;
  const op = history.invoke({ name: "connect", actor: account.userId, ...(known ? { roomId: known } : {}), ...facts });
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
    timeout: patienceMs,
    auth: { token: account.token },
  });
  state.socket = socket;
  state.connectedAt = history.now();
  listen(parts, socket, turn);
  const settled = await awaitSession(socket, (result) => {
    // At once: what is told next is newer than the session.
    const isOk = result.outcome === "ok" && state.turn === turn;
    if (isOk) state.room = result.room?.status === "ended" ? undefined : (result.room ?? undefined);
    return history.settle(op, result);
  });
  // A server that slept answers when the user is at its successor already.
  if (state.turn !== turn) return false;
  if (settled.outcome !== "ok") leave(parts);
  return settled.outcome === "ok";
}

/** Settles with the first thing that a server tells, with the code of its refusal, or with not knowing. */
function awaitSession(socket: Socket, settle: (result: Omit<Settled, "at">) => Settled): Promise<Settled> {
  return new Promise((resolve) => {
    let isOpen = true;
    const end = (result: Omit<Settled, "at">) => {
      clearTimeout(timer);
      if (isOpen) resolve(settle(result));
      isOpen = false;
    };
    const timer = setTimeout(() => end({ outcome: "info" }), patienceMs);
    socket.once("session", (session: unknown) => end({ outcome: "ok", room: sessionSchema.parse(session).room }));
    socket.once("disconnect", () => end({ outcome: "info" }));
    // A refusal carries a code; a network that failed does not.
    socket.once("connect_error", (error: Error & { readonly data?: { readonly code?: unknown } }) => {
      const code = error.data?.code;
      end(typeof code === "string" ? { outcome: "fail", code } : { outcome: "info" });
    });
  });
}

function listen(parts: Parts, socket: Socket, turn: number): void {
  const { history, account, state } = parts;
  const actor = account.userId;
  const isCurrent = () => state.turn === turn;
  const hear = (event: string, handle: (payload: unknown) => void) =>
    socket.on(event, (payload: unknown) => {
      if (!isCurrent()) return;
      handle(payload);
      state.wake();
    });
  hear("room:state", (payload) => {
    const { room } = roomStateSchema.parse(payload);
    history.see({ actor, name: "room:state", room });
    noteRoom(state, room);
  });
  hear("chat:message", (payload) => {
    const { roomId, message } = chatSchema.parse(payload);
    history.see({ actor, name: "chat:message", roomId, message });
  });
  hear("torch:warning", (payload) => {
    const { roomId, endsAt, cleared } = torchWarningSchema.parse(payload);
    if (cleared !== true) history.see({ actor, name: "torch:warning", roomId, ...(endsAt ? { endsAt } : {}) });
  });
  hear("torch:ended", (payload) => {
    history.see({ actor, name: "torch:ended", roomId: torchEndedSchema.parse(payload).roomId });
  });
  hear("invite:send", (payload) => {
    const { inviteId } = inviteSchema.parse(payload);
    history.see({ actor, name: "invite:send" });
    state.invites.push(inviteId);
  });
  socket.on("disconnect", () => {
    if (isCurrent()) leave(parts);
  });
}
