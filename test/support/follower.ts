import { setTimeout as sleep } from "node:timers/promises";
import { type Announcement, lastEpoch, readAnnouncements, readTombstones } from "../../src/db/announce.js";
import { parseName, quoteName } from "../../src/db/identifier.js";
import type { Connection, Database } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";

/** A second store in memory that keeps to `docs/announcements.md`, with an outbox as simple as can be. */
export interface Follower {
  /** Brings the store up to what is committed now. */
  sync(): Promise<void>;
  /** Its documents: table to key to row. */
  documents(): Record<string, Record<string, unknown>>;
}

/** One text per row: `id`, and all of it as JSON. */
interface RowText {
  readonly key: string;
  readonly row: unknown;
}

interface OutboxEvent {
  readonly id: string;
  readonly epoch: number;
  readonly table: string;
  readonly key: string;
  /** Null when it was deleted. */
  readonly row: unknown;
}

interface StoredDocument {
  readonly version: bigint;
  /** Undefined for one that was deleted: its version must outlive it. */
  readonly row: unknown;
}

/** Tables with an integer key `id`, and the outbox that `createFollowedTables` makes. */
export function createFollower(database: Database, tables: readonly string[]): Follower {
  const store = new Map(tables.map((table) => [table, new Map<string, StoredDocument>()]));
  /** Below its table's floor an event is of a time before the table was emptied or built anew. */
  const floors = new Map<string, bigint>();
  let seen = 0;

  const put = (table: string, key: string, document: StoredDocument) => {
    const documents = store.get(table);
    const known = documents?.get(key);
    if (document.version < (floors.get(table) ?? 0n) || (known && known.version >= document.version)) return;
    documents?.set(key, document);
  };
  const empty = (table: string, version: bigint) => {
    floors.set(table, version);
    for (const [key, document] of store.get(table) ?? []) {
      if (document.version < version) store.get(table)?.delete(key);
    }
  };
  const rebuild = async (connection: Connection, table: string, version: bigint) => {
    empty(table, version);
    for (const { key, row } of await readRows(connection, table)) put(table, key, { version, row });
  };
  const follow = async (connection: Connection, { epoch, tables: changed }: Announcement) => {
    const version = versionOf(epoch, 0n);
    const isAll = changed.some(({ table }) => table === "roomctl.outbox");
    for (const table of isAll ? tables : []) await rebuild(connection, table, version);
    for (const { table, change, tombstones } of isAll ? [] : changed) {
      if (!store.has(table)) continue;
      if (change === "emptied") empty(table, version);
      else if (change !== "deleted" || tombstones === 0) await rebuild(connection, table, version);
      else {
        for (const key of await readTombstones(connection, { epoch, table })) {
          put(table, key["id"] ?? "", { version, row: undefined });
        }
      }
    }
  };

  return {
    async sync() {
      if ((await readAnnouncements(database, seen)).length > 0) await untilOlderTransactionsEnded(database);
      await withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) => {
        for (const announcement of await readAnnouncements(connection, seen)) {
          await follow(connection, announcement);
          seen = announcement.epoch;
        }
        for (const { id, epoch, table, key, row } of await readEvents(connection)) {
          put(table, key, { version: versionOf(epoch, BigInt(id)), row: row ?? undefined });
        }
      });
    },
    documents: () =>
      Object.fromEntries(
        [...store].map(([table, documents]) => [
          table,
          Object.fromEntries(
            [...documents].filter(([, { row }]) => row !== undefined).map(([key, { row }]) => [key, row]),
          ),
        ]),
      ),
  };
}

/** Tables `(id int primary key, body text)` whose triggers write an event for each row, as the outbox of an app would. */
export function followedTables(tables: readonly string[]): string {
  return `
    CREATE SCHEMA IF NOT EXISTS roomctl;
    CREATE TABLE roomctl.outbox (id bigint GENERATED ALWAYS AS IDENTITY, epoch int, "table" text, key text, row jsonb);
    CREATE FUNCTION emit() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE now_epoch int := 0;
      BEGIN
        IF to_regclass('roomctl.epochs') IS NOT NULL THEN
          EXECUTE 'SELECT coalesce(max(epoch), 0) FROM roomctl.epochs' INTO now_epoch;
        END IF;
        INSERT INTO roomctl.outbox (epoch, "table", key, row) VALUES (now_epoch, TG_ARGV[0],
          CASE TG_OP WHEN 'DELETE' THEN old.id ELSE new.id END, CASE TG_OP WHEN 'DELETE' THEN NULL ELSE to_jsonb(new) END);
        RETURN NULL;
      END $$;
    ${tables
      .map((table) => {
        const name = quoteName(parseName(table));
        return `CREATE TABLE ${name} (id int PRIMARY KEY, body text);
          CREATE TRIGGER emit AFTER INSERT OR UPDATE OR DELETE ON ${name} FOR EACH ROW EXECUTE FUNCTION emit('${table}');`;
      })
      .join("\n")}`;
}

/** The same as `Follower.documents`, from the tables themselves. */
export async function readFollowed(
  database: Database,
  tables: readonly string[],
): Promise<Record<string, Record<string, unknown>>> {
  return await withTransaction(database, { readOnly: true }, async (connection) => {
    const found: Record<string, Record<string, unknown>> = {};
    for (const table of tables) {
      found[table] = Object.fromEntries((await readRows(connection, table)).map(({ key, row }) => [key, row]));
    }
    return found;
  });
}

/** Whoever writes has read the epoch before, and may commit an event of an older one after the announcement. */
async function untilOlderTransactionsEnded(database: Database): Promise<void> {
  const [now] = await database.query<{ next: string }>("SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next");
  for (;;) {
    const [row] = await database.query<{ over: boolean }>(
      "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::numeric >= $1::numeric AS over",
      [now?.next],
    );
    if (row?.over) return;
    await sleep(5);
  }
}

function readRows(connection: Connection, table: string): Promise<readonly RowText[]> {
  return connection.query(
    `SELECT id::text AS key, to_jsonb(one) AS row FROM ${quoteName(parseName(table))} AS one ORDER BY id`,
  );
}

function readEvents(connection: Connection): Promise<readonly OutboxEvent[]> {
  return connection.query('SELECT id::text, epoch, "table", key, row FROM roomctl.outbox ORDER BY epoch, id');
}

function versionOf(epoch: number, id: bigint): bigint {
  if (epoch > lastEpoch) throw new Error(`epoch ${epoch} does not fit`);
  return (BigInt(epoch) << 44n) | id;
}
