import type { Database } from "../db/pool.js";
import type { DatabaseTarget } from "../db/target.js";
import type { PlantedSilence, RowMark, UsedLimit } from "./drill-evidence.js";
import type { History } from "./drill-history.js";
import type { Account } from "./drill-http.js";
import type { DrillPostgres } from "./drill-postgres.js";
import type { DrillProxy } from "./drill-proxy.js";
import type { Random } from "./drill-random.js";
import type { DrillServer, Listening, ServerProgram } from "./drill-server.js";
import type { DrillUser } from "./drill-user.js";
import type { Witnesses } from "./drill-witness.js";

/** What lasts for a whole drill. */
export interface Ground {
  readonly history: History;
  readonly random: Random;
  readonly newId: () => string;
  readonly program: ServerProgram;
  /** Every server that was started: none outlives the drill. */
  readonly spawned: Set<DrillServer>;
  readonly plantedBug: string | undefined;
  readonly postgres: DrillPostgres;
  readonly proxy: DrillProxy;
  /** The drill's own way to the rows, past the proxy. */
  readonly target: DatabaseTarget;
  readonly database: Database;
  /** Rooms that a dry run would bring back now, for a server with such a grace. */
  readonly planRooms: (graceMs: number) => Promise<readonly string[]>;
  /** The longest that this process was kept from its work since this was asked last: the machine has other things to do. */
  readonly stallMs: () => number;
  readonly signal: AbortSignal;
}

/** The server that runs now. */
export interface Running {
  readonly server: DrillServer;
  readonly listening: Listening;
  readonly graceMs: number;
  /** Whether its database connections go through the proxy. */
  readonly isProxied: boolean;
}

/** What goes from one cycle to the next. */
export interface Legacy {
  /** Still in a room, and at work in the next cycle. */
  readonly users: readonly DrillUser[];
  readonly endedBefore: ReadonlySet<string>;
  readonly timersBefore: ReadonlyMap<string, number>;
  readonly marksBefore: ReadonlyMap<string, RowMark>;
  readonly knownBefore: ReadonlySet<string>;
  /** How long users of the cycle before were connected. */
  readonly connectedMs: ReadonlyMap<string, number>;
  readonly witnesses: Witnesses;
  /** What they are witnesses of. */
  readonly silences: readonly PlantedSilence[];
  readonly usedLimit?: UsedLimit;
}

export const nothingBefore: Legacy = {
  users: [],
  endedBefore: new Set(),
  timersBefore: new Map(),
  marksBefore: new Map(),
  knownBefore: new Set(),
  connectedMs: new Map(),
  witnesses: { watchers: [], limited: undefined },
  silences: [],
};

export type Pair = readonly [Account, Account];

/** Accounts that the drill plants rows for: rooms around the age rule, silent text rooms, a limit. */
export interface Ghosts {
  readonly aged: readonly Pair[];
  readonly silent: readonly Pair[];
  readonly limited: Account | undefined;
}

/** With its password, for the environment of a child. */
export function urlOf({ user, password = "", host, port, database }: DatabaseTarget): string {
  const part = encodeURIComponent;
  return `postgresql://${part(user)}:${part(password)}@${host}:${port}/${part(database)}?sslmode=disable`;
}
