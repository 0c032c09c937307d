import { RoomctlError } from "../core/errors.js";
import type { Connection, Database, Queryable } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { inTransaction, withTransaction } from "../db/transaction.js";
import { assertEmpty } from "./empty.js";

/**
 * A *step* is one transaction of a restore: a chunk, an index. The *ledger* is a table of the target that gets a step's
 * row in that same transaction, first of all: so a step is done exactly once, however often the restore is cut off, and
 * also while the server still works for a process that was killed (its row makes ours wait, and then fail).
 */
export interface Ledger {
  readonly backup: string;
  /** True when this run goes on where another one was cut off. */
  readonly isResumed: boolean;
  /** Done, as far as was known when the ledger was opened. */
  has(step: Step): boolean;
  /** Does the step unless it is done; true when this call did it. */
  run(connection: Connection, step: Step, work: () => Promise<void>): Promise<boolean>;
}

export interface Step {
  readonly name: string;
  /** What it does goes when the server crashes: rows of unlogged tables. */
  readonly isUnlogged?: boolean;
}

/** The backup whose restore into this database is under way, if there is one. */
export async function readUnfinished(queryable: Queryable): Promise<string | undefined> {
  const [row] = await queryable.query<{ present: boolean }>(
    "SELECT to_regclass('roomctl_restore.ledger') IS NOT NULL AS present",
  );
  if (!row?.present) return undefined;
  const [begun] = await queryable.query<{ backup: string }>("SELECT backup FROM roomctl_restore.ledger LIMIT 1");
  return begun?.backup;
}

/**
 * Begins a ledger in a database that has nothing of its own, or goes on with the one that is there. Throws E_NOT_EMPTY,
 * also when that is of another backup.
 */
export async function openLedger(database: Database, backup: string): Promise<Ledger> {
  const unfinished = await readUnfinished(database);
  if (unfinished !== undefined && unfinished !== backup) throw ofAnother(database, unfinished);
  if (unfinished === undefined) {
    await assertEmpty(database);
    await beginLedger(database, backup);
  }
  const rows = await database.query<{ step: string }>(
    `SELECT step FROM roomctl_restore.ledger WHERE backup = $1
     UNION SELECT step FROM roomctl_restore.unlogged_ledger WHERE backup = $1`,
    [backup],
  );
  const done = new Set(rows.map(({ step }) => step));
  return {
    backup,
    isResumed: unfinished !== undefined,
    has: ({ name }) => done.has(name),
    run: async (connection, step, work) => !done.has(step.name) && (await runStep(connection, backup, step, work)),
  };
}

/** Where not even the schema came to be there is nothing to go on with: the database is as it was. */
export async function abandonLedger(connection: Connection): Promise<void> {
  await connection.execute("BEGIN; LOCK TABLE roomctl_restore.ledger IN ACCESS EXCLUSIVE MODE");
  const done = await connection.query("SELECT FROM roomctl_restore.ledger WHERE step <> 'begun' LIMIT 1");
  if (done.length === 0) await dropLedger(connection);
  await connection.execute("COMMIT");
}

/** At the very end, in the transaction that ends the restore. */
export async function dropLedger(connection: Connection): Promise<void> {
  await connection.execute("DROP SCHEMA roomctl_restore CASCADE");
}

function ofAnother(database: Database, unfinished: string): RoomctlError {
  const { database: name } = database.target;
  return new RoomctlError(
    "E_NOT_EMPTY",
    `a restore of backup ${unfinished} into ${JSON.stringify(name)} is not finished`,
    {
      hint: `go on with it: roomctl backup restore ${unfinished}; or drop the database, make it anew, and restore then`,
    },
  );
}

function beginLedger(database: Database, backup: string): Promise<void> {
  return withTransaction(database, {}, async (connection) => {
    await connection.execute(loadStatement("restore/ledger"));
    await connection.execute("INSERT INTO roomctl_restore.ledger (backup, step) VALUES ($1, 'begun')", [backup]);
  });
}

async function runStep(
  connection: Connection,
  backup: string,
  step: Step,
  work: () => Promise<void>,
): Promise<boolean> {
  const table = step.isUnlogged ? "unlogged_ledger" : "ledger";
  const statement = `INSERT INTO roomctl_restore.${table} (backup, step) VALUES ($1, $2)`;
  try {
    await inTransaction(connection, {}, async () => {
      await connection.execute(statement, [backup, step.name]);
      await work();
    });
    return true;
  } catch (error) {
    if (isDoneByAnother(error, table)) return false;
    throw error;
  }
}

function isDoneByAnother(error: unknown, table: string): boolean {
  return (
    codeOf(error) === sqlstate.uniqueViolation &&
    error instanceof Error &&
    Reflect.get(error, "constraint") === `${table}_pkey` &&
    Reflect.get(error, "schema") === "roomctl_restore"
  );
}
