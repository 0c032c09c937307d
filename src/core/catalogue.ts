/**
 * What roomctl must be told about an app: which state it keeps, which tables belong together, what comes back after a
 * restart. `reference-app.ts` holds the built-in default; `roomctl.config` brings another app's own.
 */

export type Persistence = "durable" | "write-behind" | "ephemeral";
export type Priority = "critical" | "high" | "medium" | "low" | "none";

/** One kind of state that the app keeps. */
export interface StateEntry {
  readonly name: string;
  /** `durable`: committed before the acknowledgement. `write-behind`: memory first. `ephemeral`: memory only, on purpose. */
  readonly persistence: Persistence;
  /** `table` or `schema.table`, quoted as SQL would need it; absent for ephemeral state. */
  readonly table?: string;
  /** Set when the state is one column of a table that belongs to other state. */
  readonly column?: string;
  readonly lossMeans: string;
  readonly priority: Priority;
  readonly verdict: string;
  /** Why state that is only in memory may stay there. Without it the audit reports it as state that should be persisted. */
  readonly ephemeralBecause?: string;
}

/** The columns that the app relies on: name → type as `format_type` spells it. */
export type TableShape = Readonly<Record<string, string>>;

/** A named group of tables that are wiped together. */
export interface WipeScope {
  readonly name: string;
  readonly summary: string;
  readonly tables: readonly string[];
  /** Wiped too where the database has them. */
  readonly optionalTables?: readonly string[];
  /** Columns that go back to a value while their rows stay. `value` is an SQL expression. */
  readonly resets?: readonly ColumnReset[];
  /** Names of other scopes that belong to this one; `"*"` means every other scope. */
  readonly includes?: readonly string[];
}

interface ColumnReset {
  readonly table: string;
  readonly column: string;
  readonly value: string;
}

/** One thing whose rows lie in several tables, and that can be wiped by itself. */
export interface WipeSubject {
  /** Also the flag that takes its value: `--room ID`, `--user ID`, `--test-users PATTERN`. */
  readonly name: "room" | "user" | "test-users";
  readonly summary: string;
  /** `{value}` in a condition becomes the value as an SQL literal: `room_id = {value}`. Foreign keys add the rest. */
  readonly rows: readonly { readonly table: string; readonly where: string }[];
}

/** What stands between an operator and a deletion that was not meant. */
export interface GuardRules {
  /** Hosts that no wipe may touch: `*.prod.example.com`, compared with the host as configured and as the server says it. */
  readonly protectedHosts?: readonly string[];
  /** Tables that no wipe may touch, besides those that the database itself says are protected. */
  readonly protectedTables?: readonly string[];
  /** Clients that may stay connected, by application name: `grafana*`. */
  readonly ignoredClients?: readonly string[];
  /** A SELECT with a column `subject`, a row for each room or call that is live now: a path under `sql/`, or an absolute file. */
  readonly liveStatement?: string;
  /** Asked over HTTP; anything but an answer 200 whose JSON says `{"live": 0}` counts as live. */
  readonly liveUrl?: string;
}

export type Severity = "error" | "warning" | "info";

/** A question in SQL that the audit asks of the app's own rows. */
export interface AuditCheck {
  readonly id: string;
  readonly severity: Severity;
  /** `{count}` is replaced by the number of rows found. */
  readonly title: string;
  readonly hint: string;
  /** Path under `sql/` without its ending, or an absolute file. Each row it returns is one case, its column `subject` names it. */
  readonly statement: string;
  /** The check is left out where one of these tables is missing (the missing table is a finding of its own). */
  readonly needs: readonly string[];
}

/**
 * How the app's rooms and their like come back. Each statement is a path under `sql/` without its ending, or an absolute
 * file, with one SQL statement in it. It may leave out the last of the values that are named here, or all of them.
 * `docs/recovery.md` describes the columns.
 */
export interface RecoveryDefinition {
  /** A room is fresh while its row or its owner's heartbeat is younger than this. */
  readonly freshnessSeconds: number;
  /** How long recovered users have to come back. */
  readonly graceSeconds: number;
  /** A server whose heartbeat is younger than this counts as alive. */
  readonly aliveSeconds: number;
  /** A SELECT of every room at the moment `$1`; its columns are those of `sql/recover/rooms.sql`. */
  readonly roomsStatement: string;
  /** Gives rooms `$1` (array) back, in grace until `$2` (array, one moment per room), under epoch `$3`, at the moment `$4`. */
  readonly recoverStatement: string;
  /** Ends rooms `$1` (array), each at its moment in `$2` (array): writes what a clean end would, and removes them. */
  readonly endStatement: string;
  /**
   * Takes ownership at the moment `$1`, leaving servers with a heartbeat younger than `$2` seconds alone. Returns the
   * new `epoch`, after which an older server's background writes touch nothing; no row when it was just taken.
   */
  readonly fenceStatement: string;
  /** Servers that have not stopped, at the moment `$1`: columns `epoch`, `host`, `pid`, `heartbeat_age_seconds`. */
  readonly serversStatement: string;
  /** Tables of rooms: nobody else writes to them while a recovery is applied. */
  readonly tables: readonly string[];
  /** Other state that a start loads: what is live, what has run out. */
  readonly states: readonly RecoveredState[];
}

export interface RecoveredState {
  readonly name: string;
  readonly table: string;
  /** One row with `live`, `expired` and `detail`, at the moment `$1`; `$2` (array) are the rooms that come back. */
  readonly statement: string;
}

export interface AppDefinition {
  readonly name: string;
  readonly states: readonly StateEntry[];
  readonly shapes: Readonly<Record<string, TableShape>>;
  readonly scopes: readonly WipeScope[];
  readonly checks: readonly AuditCheck[];
  readonly subjects?: readonly WipeSubject[];
  /** The column that says how old a row is, by table; `created_at` unless told. For `wipe --older-than`. */
  readonly ages?: Readonly<Record<string, string>>;
  readonly guards?: GuardRules;
  readonly recovery?: RecoveryDefinition;
  /** Absolute folder of `NNNN_name.up.sql` files. */
  readonly migrationsDirectory: string;
  /** Absolute file of demonstration data. */
  readonly seedFile?: string;
}
