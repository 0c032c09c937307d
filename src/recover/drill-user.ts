import { connect } from "./drill-connect.js";
import type { History } from "./drill-history.js";
import type { Account } from "./drill-http.js";
import type { OperationName, RoomView, Settled } from "./drill-model.js";
import { type Answer, answerSchema } from "./drill-protocol.js";
import { type Facts, forget, leave, noteRoom, type Parts, patienceMs, type State } from "./drill-user-state.js";

/** A user of the drill's: one socket, and what it was told. Everything it asks and is told goes through the history. */
export interface DrillUser {
  readonly account: Account;
  readonly mode: "video" | "text";
  /** As last told. */
  room(): RoomView | undefined;
  isConnected(): boolean;
  isQueued(): boolean;
  /** The oldest invite that was not answered yet; taken out. */
  takeInvite(): string | undefined;
  /** Connects to a server on loopback; false when it did not let the user in. */
  connect(port: number, facts?: Facts): Promise<boolean>;
  ask(name: OperationName, payload: object, facts?: Facts & { readonly event?: string }): Promise<Settled>;
  /** Ends the connection from this side. */
  drop(): void;
  /** From here on nothing that the old server tells is believed; its sockets stay open until they are closed. */
  mute(): void;
  /** How long it had a connection, all told. */
  connectedMs(): number;
  /** Resolves when something is told, or after so long. */
  told(timeoutMs: number): Promise<void>;
}

/** Refusals after which a message may have been stored all the same. */
const unsureCodes = ["unavailable", "internal"];

/** A user that is not connected yet. */
export function createUser(history: History, account: Account, mode: "video" | "text"): DrillUser {
  const state: State = {
    socket: undefined,
    turn: 0,
    room: undefined,
    isQueued: false,
    invites: [],
    connectedAt: undefined,
    connectedMs: 0,
    wake: () => {},
  };
  const parts = { history, account, state };
  return {
    account,
    mode,
    room: () => state.room,
    isConnected: () => state.socket?.connected === true,
    isQueued: () => state.isQueued,
    takeInvite: () => state.invites.shift(),
    connect: (port, facts = {}) => connect(parts, port, facts),
    ask: (name, payload, facts = {}) => ask(parts, { name, payload, facts }),
    drop() {
      const roomId = state.room?.roomId;
      const op = history.invoke({ name: "drop", actor: account.userId, ...(roomId ? { roomId } : {}) });
      leave(parts);
      history.settle(op, { outcome: "ok" });
    },
    mute: () => forget(parts),
    connectedMs: () => state.connectedMs + (state.connectedAt === undefined ? 0 : history.now() - state.connectedAt),
    told: (timeoutMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        state.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

interface Asked {
  readonly name: OperationName;
  readonly payload: object;
  readonly facts: Facts & { readonly event?: string };
}

async function ask(parts: Parts, { name, payload, facts: { event = name, ...facts } }: Asked): Promise<Settled> {
  const { history, account, state } = parts;
  const { socket, turn } = state;
  const op = history.invoke({ name, actor: account.userId, ...facts });
  let answer: Answer;
  try {
    if (!socket?.connected) return history.settle(op, { outcome: "fail", code: "not connected" });
    answer = answerSchema.parse(await socket.timeout(patienceMs).emitWithAck(event, payload));
  } catch (error) {
    if (error instanceof Error && error.name === "ZodError") throw error;
    return history.settle(op, { outcome: "info" });
  }
  const settled = history.settle(op, settledFrom(name, answer));
  if (turn === state.turn && answer.ok) noteAnswer(state, name, answer);
  return settled;
}

function settledFrom(name: OperationName, answer: Answer): Omit<Settled, "at"> {
  if (!answer.ok) {
    const isUnsure = name === "chat:message" && unsureCodes.includes(answer.code);
    return { outcome: isUnsure ? "info" : "fail", code: answer.code };
  }
  const { durable, room, message, messages, complete, online, inviteId } = answer;
  const found = online ?? (inviteId === undefined ? undefined : [inviteId]);
  return {
    outcome: "ok",
    ...(durable === undefined ? {} : { durable }),
    ...(room ? { room } : {}),
    ...(message ? { message } : {}),
    ...(messages && complete !== false ? { messages } : {}),
    ...(found ? { found } : {}),
  };
}

function noteAnswer(state: State, name: OperationName, answer: Extract<Answer, { readonly ok: true }>): void {
  if (name === "queue:join") state.isQueued = answer.queued === true;
  if (name === "queue:leave") state.isQueued = false;
  if (name === "room:leave") state.room = undefined;
  else if (answer.room) noteRoom(state, answer.room);
}
