import { setTimeout as sleep, setImmediate as yieldToEvents } from "node:timers/promises";
import { quoteLiteral, quoteName } from "../db/identifier.js";
import { readManyRows, type WireRow } from "../db/many-rows.js";
import { withTransaction } from "../db/transaction.js";
import { compareRows } from "./compare-rows.js";
import { fill, keyText, storedColumn } from "./compare-statement.js";
import type { Drift } from "./compare-verdict.js";
import { type ContainerAnswer, readState } from "./live-protocol.js";
import { readMemory } from "./live-read.js";
import type { ContainerJob } from "./live-settle.js";
import type { ComparedTable } from "./live-target.js";

/** Rows that the server should hold and does not. */
export interface Unheld {
  readonly drift: readonly Drift[];
  /** Rows of which nothing could be said: deletions that are not written yet, or rows that change all the time. */
  readonly unsettled: number;
}

const looks = 5;

/**
 * Rows that are live by the server's own words and not in its memory; `held` are the keys that were there a moment ago.
 * A row counts only where it was the same before and after all of memory was read without it, and where every deletion
 * that memory had made by then was written.
 */
export async function findUnheld(job: ContainerJob, held: ReadonlySet<string>): Promise<Unheld> {
  const isSettled = await waitForFlush(job);
  let open = await readLiveRows(job, (key) => !held.has(key));
  if (open.size === 0) return { drift: [], unsettled: 0 };
  if (!isSettled) return { drift: [], unsettled: open.size };
  const found: string[] = [];
  for (let look = 1; look <= looks && open.size > 0; look += 1) {
    const inMemory = await readHeldKeys(job);
    const isFlushed = await waitForFlush(job);
    const now = await readLiveRows(job, (key) => open.has(key) && !inMemory.has(key));
    if (!isFlushed) return { drift: found.map(toDrift), unsettled: now.size };
    const again = new Map<string, string>();
    for (const [key, digest] of now) {
      if (open.get(key) === digest) found.push(key);
      else again.set(key, digest);
    }
    open = again;
  }
  return { drift: found.map(toDrift), unsettled: open.size };
}

/**
 * Waits until everything that memory had changed by now is in the database; false when that does not come. A server that
 * names no versions gets one pause instead.
 */
async function waitForFlush({ control, container: { name }, pauseMs, signal }: ContainerJob): Promise<boolean> {
  const look = async () => (await readState(control)).containers.find((one) => one.name === name);
  const goal = (await look())?.highestVersion;
  if (goal === undefined || goal === null) {
    await sleep(pauseMs, undefined, { signal });
    return true;
  }
  for (let attempt = 1; attempt <= flushLooks; attempt += 1) {
    const flushed = (await look())?.flushedVersion;
    if (flushed !== undefined && flushed !== null && BigInt(flushed) >= BigInt(goal)) return true;
    await sleep(pauseMs, undefined, { signal });
  }
  return false;
}

const flushLooks = 25;

/** Every key of memory as the database would spell it. */
async function readHeldKeys({ control, container, comparer }: ContainerJob): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const { key } = comparer.target;
  for await (const { entries } of readMemory(control, container)) {
    const rows = entries.map(({ row }) => Object.fromEntries(key.map(({ name }) => [name, row?.[name]])));
    for (const match of await compareRows(comparer, rows)) if (match.key !== null) keys.add(match.key);
  }
  return keys;
}

/** Live rows by key, with a digest of each; only the keys that are wanted are kept. */
async function readLiveRows(
  { comparer: { database, target, options }, container }: ContainerJob,
  isWanted: (key: string) => boolean,
): Promise<ReadonlyMap<string, string>> {
  const select = fill("audit/live-rows", {
    key: keyText(target.key.map(storedColumn)),
    table: quoteName(target.table),
    condition: liveCondition(target, container.rows),
  });
  const rows = new Map<string, string>();
  const { lockTimeoutMs } = options;
  await withTransaction(
    database,
    { isolation: "REPEATABLE READ", readOnly: true, lockTimeoutMs },
    async (connection) => {
      const take = (row: WireRow) => {
        const [key, digest] = [row.text(0), row.text(1)];
        if (key && digest && isWanted(key)) rows.set(key, digest);
      };
      await readManyRows(connection, select, { take, turn: yieldToEvents, turnRows: 5000 });
    },
  );
  return rows;
}

/**
 * Column/value pairs as a condition, and no SQL of the network's: each value becomes one of its column's type, from a
 * JSON literal (COPY takes no parameters).
 */
function liveCondition(target: ComparedTable, pairs: ContainerAnswer["rows"]): string {
  const conditions = Object.entries(pairs ?? {}).map(([name, given]) => {
    const column = target.columns.get(name);
    if (column === undefined) throw new TypeError(`no column ${name}`);
    const values = [given].flat();
    const json = quoteLiteral(JSON.stringify(values.filter((value) => value !== null).map((value) => ({ value }))));
    const isOneOf = `${storedColumn(column)} IN (SELECT value FROM json_to_recordset(${json}::json) AS given (value ${column.type}))`;
    return values.includes(null) ? `(${isOneOf} OR ${storedColumn(column)} IS NULL)` : isOneOf;
  });
  return conditions.join(" AND ") || "true";
}

function toDrift(key: string): Drift {
  return { id: "live-missing-in-memory", key, memoryVersion: null, rowVersion: null, rowEpoch: null, fields: [] };
}
