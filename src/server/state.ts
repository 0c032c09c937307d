import type { Clock } from "../core/clock.js";
import type { Failpoints } from "../core/failpoint.js";
import { loadStatement } from "../db/statement.js";
import type { AppendLog } from "../store/append-log.js";
import type { DualMap } from "../store/dual-map.js";
import type { Mirror } from "../store/mirror.js";
import { Store, type StoreEvent } from "../store/store.js";
import { createMemoryMessages, type MemoryMessages } from "./messages-memory.js";
import type {
  Cooldown,
  Invite,
  NewMessage,
  Presence,
  RateLimitCount,
  ReferralMapping,
  Room,
  SeenInSession,
  StoredMessage,
  TextRoomActivity,
  TimerTotal,
} from "./model.js";
import { createRows, type Rows } from "./rows.js";
import type { ServerSettings } from "./settings.js";

/** Everything that the server holds in memory. Names are those of the catalogue. */
export interface State {
  readonly store: Store;
  readonly rooms: DualMap<Room>;
  readonly activity: DualMap<TextRoomActivity>;
  readonly referrals: DualMap<ReferralMapping>;
  readonly cooldowns: DualMap<Cooldown>;
  readonly timers: DualMap<TimerTotal>;
  readonly rateLimits: DualMap<RateLimitCount>;
  readonly presence: DualMap<Presence>;
  readonly invites: DualMap<Invite>;
  readonly seen: DualMap<SeenInSession>;
  readonly messages: AppendLog<NewMessage, StoredMessage>;
  /** Used without a database only. */
  readonly memoryMessages: MemoryMessages;
  /** Derived from `rooms`: user → room. */
  readonly roomOf: Map<string, string>;
  readonly rows: Rows;
}

export interface StateParts {
  readonly settings: ServerSettings;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  /** Freezes values so that changing one in place throws: for development. */
  readonly freeze: boolean;
  /** Whether a database is configured: without one a message is kept in memory and acknowledged at once. */
  readonly hasDatabase: boolean;
  readonly onEvent: (event: StoreEvent) => void;
  /** The text of a statement by its name; the selftest of the drill puts bugs in here. */
  readonly statement?: (name: string) => string;
}

export function createState(parts: StateParts): State {
  const { settings, clock, failpoints, freeze, onEvent, hasDatabase, statement = loadStatement } = parts;
  const store = new Store({ clock, failpoints, freeze, onEvent, flushMs: settings.flushMs });
  const rows = createRows(settings);
  // Without a database nothing would ever be written, and what waits for it would only gather.
  const mirrored = <V>(name: string, table: string, mirror: Omit<Mirror<V>, "table" | "statement">) => {
    const own = { ...mirror, table, statement: statement(`server/write-${table.replaceAll("_", "-")}`) };
    return store.map<V>(hasDatabase ? { name, mirror: own } : { name });
  };
  const memoryMessages = createMemoryMessages();
  const rooms = mirrored<Room>("active rooms", "active_rooms", { toRow: rows.room });
  return {
    store,
    rooms,
    rows,
    activity: mirrored<TextRoomActivity>("text room activity", "text_room_activity", {
      toRow: rows.activity,
      after: rooms,
    }),
    referrals: mirrored<ReferralMapping>("referral mappings", "referral_mappings", { toRow: rows.referral }),
    cooldowns: mirrored<Cooldown>("cooldowns", "cooldowns", { toRow: rows.cooldown }),
    timers: mirrored<TimerTotal>("timer totals", "users", { toRow: rows.timer }),
    rateLimits: mirrored<RateLimitCount>("rate limits", "rate_limits", { toRow: rows.rateLimit }),
    presence: store.map<Presence>({ name: "presence" }),
    invites: store.map<Invite>({ name: "active invites" }),
    seen: store.map<SeenInSession>({ name: "seen in session" }),
    messages: store.log<NewMessage, StoredMessage>({
      name: "text chat messages",
      statement: statement("server/append-messages"),
      toRow: rows.message,
      fromRow: rows.storedMessage,
      waitMs: settings.durableWaitMs,
      ...(hasDatabase ? {} : { fallback: (message) => memoryMessages.number(message) }),
    }),
    memoryMessages,
    roomOf: new Map(),
  };
}
