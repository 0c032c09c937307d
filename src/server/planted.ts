import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { AppendLog } from "../store/append-log.js";

/**
 * Bugs that can be planted into a server, to prove that the drill finds them. None can be reached unless it is asked for
 * by name; each changes a statement, or what the store believes about one.
 */
export const plantedBugs = [
  "no-tombstone",
  "acknowledge-before-commit",
  "no-fence",
  "clean-before-commit",
  "grace-never-expires",
  "revive-stale",
  "duplicate-seat",
  "timer-counts-downtime",
  "age-rule-blurred",
  "versions-fall",
  "torch-restarts",
  "torch-too-early",
  "forget-rate-limits",
  "lose-rate-limits",
] as const;
export type PlantedBug = (typeof plantedBugs)[number];

/** Throws E_USAGE for a name that is none. */
export function parsePlantedBug(name: string | undefined): PlantedBug | undefined {
  if (name === undefined) return undefined;
  const known = plantedBugs.find((bug) => bug === name);
  if (known) return known;
  throw new RoomctlError("E_USAGE", `no such planted bug: ${JSON.stringify(name)}`, {
    hint: `one of ${plantedBugs.join(", ")}`,
  });
}

interface Edit {
  readonly statement: string;
  readonly from: string;
  readonly to: string;
}

const edits: Partial<Record<PlantedBug, readonly Edit[]>> = {
  "no-tombstone": [
    { statement: "server/write-active-rooms", from: "WHERE user_1 IN", to: "WHERE status <> 'ended' AND user_1 IN" },
    { statement: "server/write-active-rooms", from: "FROM given WHERE status = 'ended'", to: "FROM given WHERE false" },
  ],
  "no-fence": [{ statement: "server/owner", from: "AND stopped_at IS NULL FOR KEY SHARE", to: "" }],
  "grace-never-expires": [
    {
      statement: "server/load-rooms",
      from: "facts.grace_expires_at,",
      to: "facts.grace_expires_at + interval '1 hour',",
    },
  ],
  "revive-stale": [{ statement: "server/load-rooms", from: "facts.updated_at,", to: "now()," }],
  "duplicate-seat": [{ statement: "server/load-rooms", from: "facts.user_2,", to: "facts.user_1," }],
  "timer-counts-downtime": [
    {
      statement: "server/write-users",
      from: "SET timer_total_seconds = given.timer_total_seconds",
      to: "SET timer_total_seconds = given.timer_total_seconds + 60",
    },
    { statement: "server/write-users", from: "AND known.timer_total_seconds < given.timer_total_seconds", to: "" },
  ],
  "age-rule-blurred": [
    {
      statement: "server/load-rooms",
      from: "facts.updated_at",
      to: "facts.updated_at + interval '900 milliseconds'",
    },
  ],
  "versions-fall": [
    {
      statement: "server/write-active-rooms",
      from: "version = excluded.version",
      to: "version = known.version / 2",
    },
    {
      statement: "server/write-active-rooms",
      from: "WHERE (known.owner_epoch, known.version) < (excluded.owner_epoch, excluded.version)",
      to: "",
    },
  ],
  "torch-restarts": [
    {
      statement: "server/load-activity",
      from: "public.text_room_activity",
      to: "public.text_room_activity WHERE false",
    },
  ],
  "torch-too-early": [
    {
      statement: "server/load-activity",
      from: "user_1_last_message_at",
      to: "user_1_last_message_at - interval '1 hour'",
    },
    { statement: "server/load-activity", from: "warning_started_at", to: "warning_started_at - interval '1 hour'" },
  ],
  "forget-rate-limits": [{ statement: "server/load-rate-limits", from: "WHERE expires_at > now()", to: "WHERE false" }],
  "lose-rate-limits": [{ statement: "server/write-rate-limits", from: "WHERE NOT given.deleted", to: "WHERE false" }],
};

/** `loadStatement` with the bug in it. */
export function plantedStatements(bug: PlantedBug | undefined): (name: string) => string {
  const chosen = bug === undefined ? [] : (edits[bug] ?? []);
  return (name) => chosen.filter(({ statement }) => statement === name).reduce(plant, loadStatement(name));
}

/** A statement that no longer holds what the bug replaces would make a selftest that finds nothing. */
function plant(text: string, { statement, from, to }: Edit): string {
  if (!text.includes(from))
    throw new RoomctlError("E_INTERNAL", `${statement} has changed: its planted bug does not fit`);
  return text.replace(from, () => to);
}

/** The database as a store sees it that takes every batch for written, whatever came of it. */
export function plantedDatabase(database: Database, bug: PlantedBug | undefined): Database {
  if (bug !== "clean-before-commit") return database;
  return {
    ...database,
    async connect() {
      const connection = await database.connect();
      return {
        ...connection,
        query: <Row extends object>(sql: string, values?: readonly unknown[]) =>
          connection.query<Row>(sql, values).catch(() => [{ owned: true, written: 0 } as Row]),
      };
    },
  };
}

/** Appends that are acknowledged while they are still on their way. */
export function plantInLog<In extends object, Out>(
  log: AppendLog<In, Out>,
  guess: (entry: In, count: number) => Out,
): void {
  const append = log.append.bind(log);
  let count = 0;
  log.append = async (entry) => {
    count += 1;
    append(entry).catch(() => {
      // That nobody learns of it is the bug.
    });
    return guess(entry, count);
  };
}
