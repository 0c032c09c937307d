/**
 * What a drill knows, as plain data. An operation is something that a user asked for: `ok` was acknowledged, `fail` was
 * refused and has no effect, `info` is not known to have happened or not (no answer came). A sighting is something that
 * the server told by itself. Moments are epoch milliseconds by a steady clock.
 */

export type OperationName =
  | "account"
  | "connect"
  | "queue:join"
  | "queue:leave"
  | "invite:send"
  | "invite:accept"
  | "room:rejoin"
  | "room:leave"
  | "rtc"
  | "chat:message"
  | "presence"
  | "link"
  | "link:read"
  | "limit"
  | "drop";

type Outcome = "ok" | "fail" | "info";

/** A room as a user is shown it. */
export interface RoomView {
  readonly roomId: string;
  readonly mode: "video" | "text";
  readonly status: "active" | "grace_period" | "ended";
  readonly graceExpiresAt: number | null;
  readonly you: { readonly connected: boolean };
  readonly partner: { readonly userId: string; readonly connected: boolean };
  /** True for the room's first user. */
  readonly initiator: boolean;
}

interface MessageView {
  readonly messageId: string;
  readonly sequence: number;
  readonly senderUserId?: string;
  readonly body?: string;
}

/** How an operation ended, as far as it is known. */
export interface Settled {
  readonly outcome: Outcome;
  readonly at: number;
  readonly code?: string;
  /** The server said that it is in the database. */
  readonly durable?: boolean;
  readonly room?: RoomView | null;
  readonly message?: MessageView;
  /** Read back with a rejoin. */
  readonly messages?: readonly MessageView[];
  /** Of a link: whom it leads to. Of an account: its id. Of presence: who is online. */
  readonly found?: readonly string[];
}

export interface Operation {
  readonly op: number;
  readonly cycle: number;
  readonly name: OperationName;
  /** The user's id. */
  readonly actor: string;
  readonly invokedAt: number;
  readonly roomId?: string;
  /** What it is about besides the room: a message, link, invite or user, by its id. */
  readonly subject?: string;
  readonly body?: string;
  /** True for what is asked after a strike, to see what came back. */
  readonly isReadBack?: boolean;
  readonly settled?: Settled;
}

export interface Sighting {
  readonly cycle: number;
  readonly at: number;
  readonly actor: string;
  readonly name: string;
  readonly room?: RoomView | null;
  readonly message?: MessageView;
  readonly roomId?: string;
  /** Of a warning: when the room will end. */
  readonly endsAt?: number;
}

export interface Story {
  readonly operations: readonly Operation[];
  readonly sightings: readonly Sighting[];
}

export interface RoomRow {
  readonly roomId: string;
  readonly user1: string;
  readonly user2: string;
  readonly mode: string;
  readonly status: string;
  readonly user1Connected: boolean;
  readonly user2Connected: boolean;
  readonly graceExpiresAt: number | null;
  readonly ownerEpoch: string;
  readonly version: string;
}

export interface MessageRow {
  readonly messageId: string;
  readonly roomId: string;
  readonly sender: string;
  readonly body: string;
  readonly sequence: number;
}

/** The rows of rooms, and those of the users, rooms and links that were asked for; one snapshot. */
export interface Rows {
  /** By the database's clock. */
  readonly at: number;
  /** When each epoch was taken over, by the database's clock. */
  readonly servers: readonly { readonly epoch: string; readonly startedAt: number }[];
  readonly rooms: readonly RoomRow[];
  readonly messages: readonly MessageRow[];
  readonly histories: readonly { readonly roomId: string; readonly userId: string }[];
  readonly completions: readonly { readonly roomId: string; readonly userId: string }[];
  readonly links: readonly { readonly code: string; readonly target: string }[];
  readonly users: readonly { readonly userId: string; readonly timerSeconds: number }[];
  readonly activity: readonly {
    readonly roomId: string;
    readonly user1LastMessageAt: number | null;
    readonly user2LastMessageAt: number | null;
  }[];
  readonly limits: readonly { readonly key: string; readonly count: number }[];
  readonly cooldowns: readonly { readonly userLow: string; readonly userHigh: string }[];
}
