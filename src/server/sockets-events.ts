import { z } from "zod";
import { sayInRoom } from "./chat.js";
import { acceptInvite, declineInvite, sendInvite } from "./invites.js";
import type { Identity } from "./model.js";
import { whoIsOnline } from "./presence.js";
import { joinQueue, leaveQueue } from "./queue.js";
import type { Realtime } from "./realtime.js";
import { type Answer, refuse } from "./refusal.js";
import { rejoinRoom } from "./rejoin.js";
import { leaveRoom } from "./rooms-end.js";
import { relaySignal, type SignalEvent } from "./signalling.js";
import { bodySchema } from "./sockets-text.js";

/** Who sends an event. */
export interface Caller extends Identity {
  readonly ip: string;
}

export interface ClientEvent {
  readonly event: string;
  readonly payload: unknown;
}

type Answering = (realtime: Realtime, caller: Caller, payload: unknown) => Answer | Promise<Answer>;

/** The answer to any event of a client. Never throws because of what the payload is. */
export function answerEvent(realtime: Realtime, caller: Caller, { event, payload }: ClientEvent) {
  const answering = events.get(event);
  return answering === undefined
    ? refuse("invalid", "there is no such event")
    : answering(realtime, caller, payload ?? {});
}

function on<Schema extends z.ZodType>(
  schema: Schema,
  handle: (realtime: Realtime, caller: Caller, payload: z.output<Schema>) => Answer | Promise<Answer>,
): Answering {
  return (realtime, caller, payload) => {
    const parsed = schema.safeParse(payload);
    return parsed.success ? handle(realtime, caller, parsed.data) : refusePayload(parsed.error);
  };
}

function refusePayload({ issues: [issue] }: z.ZodError): Answer {
  const where = issue?.path.join(".") || "the payload";
  const isTooLarge = issue?.code === "custom" && issue.params?.["isTooLarge"] === true;
  const isTooLong = issue?.code === "too_big" && issue.origin === "string";
  return refuse(isTooLong || isTooLarge ? "too_large" : "invalid", `${where}: ${issue?.message ?? "not as expected"}`);
}

const id = z.guid().transform((text) => text.toLowerCase());
const mode = z.enum(["video", "text"]);
const inRoom = z.object({ roomId: id });
const ofInvite = z.object({ inviteId: id });
const rejoining = z.object({ roomId: id, after: z.int().min(0).max(2_147_483_647).default(0) });
const description = z.object({
  roomId: id,
  description: z.object({ type: z.enum(["offer", "answer", "pranswer", "rollback"]), sdp: z.string().default("") }),
});
const word = z.string().max(256).nullish();
/**
 * By far the most frequent event: whether there is such a room is seen when it is looked up. Only what a browser's
 * candidate has is passed on: anything else, bytes above all, could be made large on the way to the partner.
 */
const candidate = z.object({
  roomId: z.string(),
  candidate: z
    .object({
      candidate: z.string().max(4096).optional(),
      sdpMid: word,
      sdpMLineIndex: z.int().min(0).max(65_535).nullish(),
      usernameFragment: word,
    })
    .nullable(),
});

const signal = (event: SignalEvent, schema: typeof description | typeof candidate) =>
  on(schema, (realtime, { userId }, payload) => relaySignal(realtime, userId, { event, signal: payload }));

const rejoin = on(rejoining, (realtime, { userId }, payload) => rejoinRoom(realtime, userId, payload));

/** Every event that a client may send: what its payload must be, and who answers it. */
const events: ReadonlyMap<string, Answering> = new Map([
  ["rtc:offer", signal("rtc:offer", description)],
  ["rtc:answer", signal("rtc:answer", description)],
  ["rtc:ice", signal("rtc:ice", candidate)],
  ["queue:join", on(z.object({ mode }), (realtime, { userId }, payload) => joinQueue(realtime, userId, payload.mode))],
  [
    "queue:leave",
    on(z.object({}), (realtime, { userId }) => {
      leaveQueue(realtime, userId);
      return { ok: true };
    }),
  ],
  ["invite:send", on(z.object({ toUserId: id, mode }), sendInvite)],
  ["invite:accept", on(ofInvite, (realtime, { userId }, { inviteId }) => acceptInvite(realtime, userId, inviteId))],
  ["invite:decline", on(ofInvite, (realtime, { userId }, { inviteId }) => declineInvite(realtime, userId, inviteId))],
  ["room:join", rejoin],
  ["room:rejoin", rejoin],
  ["room:leave", on(inRoom, (realtime, { userId }, { roomId }) => leaveRoom(realtime, userId, roomId))],
  ["chat:message", on(z.object({ roomId: id, messageId: id, body: bodySchema }), sayInRoom)],
  [
    "presence",
    on(z.object({ userIds: z.array(id).max(200) }), (realtime, _caller, { userIds }) => whoIsOnline(realtime, userIds)),
  ],
]);
