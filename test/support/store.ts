import type { Connection, Database } from "../../src/db/pool.js";
import type { Mirror, RowMark } from "../../src/store/mirror.js";
import type { DeepReadonly } from "../../src/store/read-only.js";

/** A value as tests keep it. */
export interface Note {
  readonly text: string;
  readonly tags?: readonly string[];
}

export interface NoteRow {
  readonly id: string;
  readonly text: string;
  readonly version: number;
  readonly deleted: boolean;
}

export function noteRow(id: string, note: DeepReadonly<Note>, { version, deleted }: RowMark): NoteRow {
  return { id, text: note.text, version, deleted };
}

/** A mirror whose statement only a fake database understands. */
export const noteMirror: Mirror<Note> = { table: "notes", statement: "notes", toRow: noteRow };

/** What a fake server does with one statement. */
export type Fate = "commit" | "refuse-connection" | "fail" | "lose-before" | "lose-after" | "fenced";

export interface FakeServer {
  readonly database: Database;
  /** Rows as the statements left them, deleted ones too. */
  readonly rows: Map<string, NoteRow>;
  /** Rows of each statement that arrived, committed or not. */
  readonly batches: (readonly NoteRow[])[];
  /** Statements that the server works on right now, at most. */
  mostAtOnce: number;
  /** The keys that it refuses. */
  readonly poison: Set<string>;
  /** Asked for every statement. */
  fate: () => Fate;
}

const failures: Record<Exclude<Fate, "commit" | "fenced">, () => Error> = {
  "refuse-connection": () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
  fail: () => Object.assign(new Error("deadlock detected"), { code: "40P01", severity: "ERROR" }),
  "lose-before": () => new Error("Connection terminated unexpectedly"),
  "lose-after": () => new Error("Connection terminated unexpectedly"),
};

/** A network and a server of one table: statements take a turn, and meet the fate that the test chooses. */
export function fakeServer(): FakeServer {
  let working = 0;
  const server: FakeServer = {
    database: undefined as unknown as Database,
    rows: new Map(),
    batches: [],
    mostAtOnce: 0,
    poison: new Set(),
    fate: () => "commit",
  };
  const query = async (sql: string, values: readonly unknown[] = []): Promise<readonly object[]> => {
    if (sql !== noteMirror.statement) return [];
    working += 1;
    server.mostAtOnce = Math.max(server.mostAtOnce, working);
    await new Promise((resolve) => setImmediate(resolve));
    working -= 1;
    return [answer(server, JSON.parse(String(values[0])))];
  };
  const connection = { client: {}, query, discard: () => {}, [Symbol.asyncDispose]: async () => {} };
  const connect = async () => {
    if (server.fate() === "refuse-connection") throw failures["refuse-connection"]();
    return connection as unknown as Connection;
  };
  return Object.assign(server, { database: { connect, query } as unknown as Database });
}

function answer(server: FakeServer, rows: readonly NoteRow[]): object {
  server.batches.push(rows);
  const fate = server.fate();
  if (fate === "fenced") return { owned: false, written: 0 };
  if (fate === "fail" || fate === "lose-before" || fate === "refuse-connection") throw failures[fate]();
  const bad = rows.find(({ id }) => server.poison.has(id));
  if (bad) throw Object.assign(new Error(`row ${bad.id} is refused`), { code: "23514", severity: "ERROR" });
  for (const row of rows) if ((server.rows.get(row.id)?.version ?? 0) < row.version) server.rows.set(row.id, row);
  if (fate === "lose-after") throw failures["lose-after"]();
  return { owned: true, written: rows.length };
}

/** What of the rows is not deleted, by key. */
export function liveTexts(rows: Iterable<NoteRow>): Record<string, string> {
  const live = [...rows].filter(({ deleted }) => !deleted);
  return Object.fromEntries(live.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, text }) => [id, text]));
}
