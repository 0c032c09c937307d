/** Numbers of the room server; `shared` rules are the domain's, limits are ours. Durations in milliseconds. */
export interface ServerSettings {
  /** Who this server is across restarts: a server that starts under the same name takes over from the one before. */
  readonly instance: string;
  readonly host: string;
  readonly port: number;
  /** Origins that browsers may come from; empty: only pages that this server served. `*` allows all. */
  readonly origins: readonly string[];
  /** How many proxies in front may be believed about a client's address (X-Forwarded-For). */
  readonly trustedProxies: number;
  readonly graceMs: number;
  readonly inviteMs: number;
  readonly cooldownMs: number;
  /** Torch rule: silence before the warning, and after it. */
  readonly torchSilenceMs: number;
  readonly torchWarningMs: number;
  readonly heartbeatMs: number;
  readonly flushMs: number;
  readonly drainMs: number;
  readonly sessionMs: number;
  /** How long a durable message may wait for its commit before the sender is told to try again. */
  readonly durableWaitMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
  /** Socket events of one connection: a bucket of so many, refilled so many a second. */
  readonly eventBurst: number;
  readonly eventsPerSecond: number;
  /** Bytes of one socket message or HTTP body. */
  readonly maxMessageBytes: number;
  readonly limits: Readonly<Record<LimitName, RateLimit>>;
  /** Completed video calls, each of at least so long, that unlock the QR code. */
  readonly unlockCalls: number;
  readonly unlockCallMs: number;
}

const limitNames = [
  "guests",
  "emailCodes",
  "emailAttempts",
  "invites",
  "messages",
  "referrals",
  "reports",
  "inviteCodes",
  "cardScans",
  "history",
  "notifications",
  "account",
  "unknownTokens",
] as const;
export type LimitName = (typeof limitNames)[number];

/** So many in a window, per user and (ten times as many) per address: many people share one. */
export interface RateLimit {
  readonly count: number;
  readonly windowMs: number;
}

export const defaultSettings: ServerSettings = {
  instance: "rooms-1",
  host: "127.0.0.1",
  port: 8080,
  origins: [],
  trustedProxies: 0,
  graceMs: 10_000,
  inviteMs: 20_000,
  cooldownMs: 24 * 3_600_000,
  torchSilenceMs: 60_000,
  torchWarningMs: 30_000,
  heartbeatMs: 30_000,
  flushMs: 50,
  drainMs: 10_000,
  sessionMs: 30 * 24 * 3_600_000,
  durableWaitMs: 5_000,
  maxConnections: 20_000,
  maxConnectionsPerIp: 200,
  eventBurst: 200,
  eventsPerSecond: 100,
  maxMessageBytes: 65_536,
  limits: {
    guests: { count: 10, windowMs: 60_000 },
    emailCodes: { count: 5, windowMs: 3_600_000 },
    emailAttempts: { count: 20, windowMs: 3_600_000 },
    invites: { count: 20, windowMs: 60_000 },
    messages: { count: 60, windowMs: 10_000 },
    referrals: { count: 20, windowMs: 3_600_000 },
    reports: { count: 10, windowMs: 3_600_000 },
    inviteCodes: { count: 20, windowMs: 3_600_000 },
    cardScans: { count: 20, windowMs: 3_600_000 },
    history: { count: 60, windowMs: 60_000 },
    notifications: { count: 120, windowMs: 60_000 },
    account: { count: 120, windowMs: 60_000 },
    unknownTokens: { count: 60, windowMs: 60_000 },
  },
  unlockCalls: 3,
  unlockCallMs: 30_000,
};
