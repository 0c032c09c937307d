import { type Database, openDatabase } from "../../src/db/pool.js";
import type { DualMap } from "../../src/store/dual-map.js";
import type { Fence, Mirror } from "../../src/store/mirror.js";
import { mirrorStatement } from "../../src/store/mirror-statement.js";
import { Store, type StoreEvent, type StoreOptions } from "../../src/store/store.js";
import { createScratchDatabase, type ServerName } from "./postgres.js";
import { type Note, noteRow } from "./store.js";
import { type BreakableNetwork, startProxy } from "./store-proxy.js";

const columns = { id: "text", text: "text" };

/** A table with version columns, whose deleted keys stay as rows. */
export const tombstoneMirror: Mirror<Note> = {
  table: "notes",
  statement: mirrorStatement({ table: "notes", key: ["id"], columns, deletedColumn: "deleted" }),
  toRow: noteRow,
};

/** The same table, when deleted keys have no row. */
export const deletingMirror: Mirror<Note> = {
  ...tombstoneMirror,
  statement: mirrorStatement({ table: "notes", key: ["id"], columns }),
};

export interface StoreDatabase extends AsyncDisposable {
  /** Straight to the server, for the test to look and to interfere. */
  readonly direct: Database;
  /** Through a network that can be broken: the store's own. */
  readonly database: Database;
  readonly proxy: BreakableNetwork;
  readonly store: Store;
  readonly events: StoreEvent[];
  readonly fence: Fence;
}

/**
 * A database with a table of notes and one owner, and a store whose network can be broken. Nothing is attached yet. A
 * statement that waits for a lock of the test's waits as long as it takes, unless told.
 */
export async function createStoreDatabase(
  options: StoreOptions & { readonly server?: ServerName } = {},
): Promise<StoreDatabase> {
  const scratch = await createScratchDatabase(options.server === undefined ? {} : { server: options.server });
  const direct = await scratch.open();
  await direct.execute(`
    CREATE TABLE owners (epoch bigint PRIMARY KEY, stopped_at timestamptz);
    INSERT INTO owners VALUES (7);
    CREATE TABLE notes (
      id text PRIMARY KEY CHECK (id <> 'refused'),
      text text NOT NULL, epoch bigint NOT NULL, version bigint NOT NULL, deleted boolean NOT NULL DEFAULT false
    )`);
  const proxy = await startProxy(scratch.target);
  const database = await openDatabase({ ...proxy.target, connectTimeoutMs: 10_000 }, { lockTimeoutMs: 0 });
  const events: StoreEvent[] = [];
  const store = new Store({
    flushMs: 10,
    statementTimeoutMs: 120_000,
    ...options,
    onEvent: (event) => events.push(event),
  });
  const owner = "SELECT epoch FROM owners WHERE epoch = $2::bigint AND stopped_at IS NULL FOR SHARE";
  return {
    direct,
    database,
    proxy,
    store,
    events,
    fence: { epoch: "7", owner },
    async [Symbol.asyncDispose]() {
      proxy.cut();
      await store.detach();
      await database[Symbol.asyncDispose]();
      await direct[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** What the table holds, by key, without the deleted. */
export async function notesIn(database: Database): Promise<Record<string, string>> {
  const rows = await database.query<{ id: string; text: string }>(
    'SELECT id, text FROM notes WHERE NOT deleted ORDER BY id COLLATE "C"',
  );
  return Object.fromEntries(rows.map(({ id, text }) => [id, text]));
}

/** What a map holds, in the same form. */
export function notesOf(map: DualMap<Note>): Record<string, string> {
  const entries = [...map].map(([key, { text }]): [string, string] => [key, text]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Holds a lock of the database until it is released. */
export async function hold(database: Database, sql: string): Promise<{ release(): Promise<void> }> {
  const connection = await database.connect();
  await connection.query("BEGIN");
  await connection.query(sql);
  return {
    async release() {
      await connection.query("COMMIT");
      await connection[Symbol.asyncDispose]();
    },
  };
}

/** Resolves once a statement that contains the text waits for a lock. */
export async function untilBlocked(database: Database, text: string): Promise<number> {
  for (;;) {
    const [row] = await database.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1",
      [`%${text}%`],
    );
    if (row) return row.pid;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
