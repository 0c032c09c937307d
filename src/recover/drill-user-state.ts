import type { Socket } from "socket.io-client";
import type { History, Invocation } from "./drill-history.js";
import type { Account } from "./drill-http.js";
import type { RoomView } from "./drill-model.js";

/** What a user adds to an operation. */
export type Facts = Partial<Pick<Invocation, "roomId" | "subject" | "body" | "isReadBack">>;

/** How long an answer may take. */
export const patienceMs = 6_000;

/** What a user knows, as last told. */
export interface State {
  socket: Socket | undefined;
  /** Counts connections: what an older one tells is not of this one. */
  turn: number;
  room: RoomView | undefined;
  isQueued: boolean;
  invites: string[];
  connectedAt: number | undefined;
  connectedMs: number;
  wake: () => void;
}

/** A user from the inside. */
export interface Parts {
  readonly history: History;
  readonly account: Account;
  readonly state: State;
}

/** The user was told of a room. */
export function noteRoom(state: State, room: RoomView): void {
  if (room.status !== "ended") {
    state.room = room;
    state.isQueued = false;
  } else if (state.room?.roomId === room.roomId) state.room = undefined;
}

/** Ends the connection; what was asked through it and not answered stays unknown. */
export function leave(parts: Parts): void {
  const { socket } = parts.state;
  forget(parts);
  socket?.disconnect();
}

/** Nothing that the connection tells is believed any more; its socket stays as it is. */
export function forget({ history, state }: Parts): void {
  state.turn += 1;
  state.isQueued = false;
  state.invites = [];
  state.socket = undefined;
  if (state.connectedAt !== undefined) state.connectedMs += history.now() - state.connectedAt;
  state.connectedAt = undefined;
  state.wake();
}
