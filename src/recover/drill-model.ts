/**
 * What a drill knows, as plain data. An operation is something that a user asked for: `ok` was acknowledged, `fail` was
 * refused and has no effect, `info` is not known to have happened or not (no answer came). A sighting is something that
 * the server told by itself. Evidence is what was found after a strike. Moments are epoch milliseconds by a steady clock.
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
  readonly cooldowns: readonly { readonly userLow: string; readonly userHigh: string }[];
}

/** A room that was put into the rows before a start, to see whether the start takes it. */
export interface PlantedRoom {
  readonly roomId: string;
  readonly users: readonly [string, string];
  readonly isFresh: boolean;
}

/** What a strike did, and what was found after it. */
export interface Evidence {
  readonly cycle: number;
  readonly nemesis: string;
  /** When the server that was struck began to listen. */
  readonly servedFrom: number;
  /** When it stopped working: nothing that it tells later counts. */
  readonly deadAt: number;
  /** Everything told before was known to be written: an orderly end, or a quiet moment before a kill. */
  readonly safeAt?: number;
  /** From when on the database could not be reached, until the end of the server. */
  readonly outageFrom?: number;
  /** The flush interval, and how long a batch may take on top. */
  readonly windowMs: number;
  readonly allowanceMs: number;
  /** The new server. */
  readonly epoch: string;
  readonly listeningAt: number;
  readonly graceMs: number;
  /** Read when the old server's sessions had ended and before the new one started; where that was waited for. */
  readonly before?: Rows;
  /** What `recover --dry-run` said at that moment: rooms that would come back. */
  readonly planned?: readonly string[];
  /** Read once the new server listened. */
  readonly rows: Rows;
  /** Read after that, when a server that was overtaken had woken up and ended. */
  readonly afterZombie?: { readonly rows: Rows; readonly exitCode: number | null };
  /** How many changes were still not written long after the database was back. */
  readonly stuck?: number;
  /** Its exit code, where it was asked to stop. */
  readonly drainExit?: number | null;
  /** When its successor was started. */
  readonly startedAt: number;
  readonly planted: readonly PlantedRoom[];
  /** Rooms that were told of, or planted, in the cycles before. */
  readonly knownBefore: ReadonlySet<string>;
  /** Rooms that were found to have ended in the cycles before. */
  readonly endedBefore: ReadonlySet<string>;
  /** Timer totals as they were found before. */
  readonly timersBefore: ReadonlyMap<string, number>;
  /** How long each user had a connection, all told, in milliseconds. */
  readonly connectedMs: ReadonlyMap<string, number>;
}

export const invariants = {
  I0: "the server comes back after a strike, and ends only when it is made to",
  I1: "what was acknowledged as durable is there",
  I2: "nothing is there that nobody asked for",
  I3: "of changes made in memory, none older than the loss window is lost",
  I4: "a row is a state that its room really had",
  I5: "a room whose end is durable never comes back",
  I6: "a stale room stays away, a fresh one comes back",
  I7: "a grace period that ran out is over; one that has not lets both return",
  I8: "a user has one room and one seat, the same as before",
  I9: "links lead where they led",
  I10: "timer totals never fall and never count downtime",
  I11: "a cooldown holds across a restart",
  I12: "a server that was overtaken writes nothing and ends by itself",
  I13: "a start recovers what the dry run said",
  I14: "an orderly end loses nothing",
  I15: "what is ephemeral is gone",
} as const;
export type Invariant = keyof typeof invariants;

export interface Violation {
  readonly invariant: Invariant;
  readonly cycle: number;
  /** The id that the history is searched for. */
  readonly about: string;
  readonly message: string;
}
