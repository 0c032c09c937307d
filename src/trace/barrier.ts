import { quoteName } from "../db/identifier.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { namesIn } from "./touched.js";

/**
 * Tables that are kept locked until a statement of another session is seen waiting for them: so its lock on each is seen,
 * however short it would be held. PostgreSQL grants a lock as it is let go, so no wait is seen twice.
 */
export interface Barrier extends AsyncDisposable {
  /** Lets the statement have the table that it waits for; all of them if it waits for something else. False if none was left. */
  release(oid: number | null): Promise<boolean>;
}

/**
 * Locks what a statement names in a transaction of this session, which ends with the barrier or its last table. A table
 * that is not to be had at once is left out.
 */
export async function raiseBarrier(session: Connection, statement: ParsedStatement): Promise<Barrier> {
  const names = skipsLocked(statement) ? [] : [...namesIn(statement)];
  let held = names.length === 0 ? [] : await lockTables(session, names);
  const release = async (oid: number | null) => {
    if (held.length === 0) return false;
    const place = Math.max(0, oid === null ? 0 : held.indexOf(oid));
    held = held.slice(0, place);
    await session.execute(held.length === 0 ? "ROLLBACK" : `ROLLBACK TO barrier_${oid}`);
    return true;
  };
  return {
    release,
    async [Symbol.asyncDispose]() {
      // The session of a run that was interrupted takes no statement any more: its end lets go of everything.
      await release(null).catch(() => session.discard());
    },
  };
}

/** With VACUUM (SKIP_LOCKED) the statement would do nothing. */
function skipsLocked({ node, text }: ParsedStatement): boolean {
  return node !== undefined && "VacuumStmt" in node && /skip_locked/i.test(text);
}

/** The first that the statement comes to is locked last: PostgreSQL gives locks back from the last savepoint on. */
async function lockTables(session: Connection, names: readonly string[]): Promise<readonly number[]> {
  const tables = await session.query<{ oid: number; schema: string; name: string }>(loadStatement("trace/barrier"), [
    names,
  ]);
  if (tables.length === 0) return [];
  // A snapshot that lasts as long as the transaction would keep a concurrent index build from its end.
  await session.execute("BEGIN ISOLATION LEVEL READ COMMITTED");
  const held: number[] = [];
  for (const { oid, ...table } of [...tables].reverse()) {
    if (await lockTable(session, `barrier_${oid}`, quoteName(table))) held.push(oid);
  }
  if (held.length === 0) await session.execute("ROLLBACK");
  return held;
}

/** EXCLUSIVE keeps every lock waiting but AccessShare, which is no finding. */
async function lockTable(session: Connection, savepoint: string, table: string): Promise<boolean> {
  try {
    await session.execute(`SAVEPOINT ${savepoint}; LOCK TABLE ONLY ${table} IN EXCLUSIVE MODE NOWAIT`);
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    await session.execute(`ROLLBACK TO ${savepoint}`);
    return false;
  }
}
