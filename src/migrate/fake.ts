import { RoomctlError } from "../core/errors.js";
import { type LockOptions, withLock } from "../db/lock.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import type { Connection, Database } from "../db/pool.js";
import { readTables } from "../db/schema.js";
import { readSchemaSnapshot, schemaFingerprint } from "../db/snapshot.js";
import { withTransaction } from "../db/transaction.js";
import { planUndo } from "./down.js";
import { readMigrationFiles } from "./files.js";
import { readHistory } from "./history.js";
import { requireMigration } from "./names.js";
import { assertRunnable, type PlannedMigration, planUp, type UpRange } from "./plan.js";
import { recordFake } from "./run-log.js";
import { keepWorker } from "./worker.js";

/** Migrations that are to be recorded as applied, or as not applied any more, without running anything. */
export interface FakePlan {
  readonly direction: "up" | "down";
  readonly steps: readonly PlannedMigration[];
}

export interface FakeResult extends FakePlan {
  /** Of the app's schema as it was found, kept with the record. */
  readonly schemaFingerprint: string;
}

/** What `migrate up --fake` would record. Throws what `migrate up` would refuse for. */
export async function planFakeUp(database: Database, directory: string, range: UpRange): Promise<FakePlan> {
  const plan = await planUp(database, readMigrationFiles(directory), range);
  // An empty file or one with a transaction of its own does not matter where nothing runs.
  if (plan.refusal?.code !== "E_USAGE") assertRunnable(plan);
  return { direction: "up", steps: plan.steps };
}

/** What `migrate down --fake` would take out of the record. Throws E_UNKNOWN_MIGRATION. */
export async function planFakeDown(database: Database, directory: string, range: UpRange): Promise<FakePlan> {
  const files = readMigrationFiles(directory);
  return { direction: "down", steps: planUndo(files, await readHistory(database), { ...range, isFake: true }) };
}

/**
 * What taking a database over would record: everything up to one migration. Throws E_NOT_EMPTY for one that has a
 * history, E_SCHEMA for one that holds no table: there is nothing to take over.
 */
export async function planBaseline(database: Database, directory: string, migration: string): Promise<FakePlan> {
  const files = readMigrationFiles(directory);
  const names = files.map(({ name }) => name);
  const to = requireMigration(names, migration);
  const { records } = await readHistory(database);
  const applied = records.filter(({ isApplied }) => isApplied);
  if (applied.length > 0) {
    const known = new Set(applied.map(({ name }) => name));
    const isAnyLeft = names.slice(0, names.indexOf(to) + 1).some((name) => !known.has(name));
    throw new RoomctlError("E_NOT_EMPTY", `this database has a history already: ${applied.at(-1)?.name} is applied`, {
      hint: isAnyLeft
        ? `record the rest with: roomctl migrate up --fake --to ${to}`
        : "nothing up to there is left to record; see what is with: roomctl migrate status",
    });
  }
  if ((await readTables(database)).length === 0) {
    throw new RoomctlError("E_SCHEMA", "this database holds no table, so there is nothing to take over", {
      hint: "build it with: roomctl migrate",
    });
  }
  return planFakeUp(database, directory, { to });
}

/**
 * Records what was planned, in one transaction under the lock. Throws E_PLAN_STALE when by then something else would be
 * recorded; `planAgain` makes the plan anew.
 */
export async function applyFake(
  database: Database,
  plan: FakePlan,
  { planAgain, ...lock }: LockOptions & { readonly planAgain: () => Promise<FakePlan> },
): Promise<FakeResult> {
  return withLock(database, "change", lock, async () => {
    // Of a migrator whose lock was lost, the session may still be at work: what it commits must be in the plan.
    await using workers = keepWorker(database, lock);
    await workers.use();
    assertSame(plan, await planAgain());
    return await withTransaction(database, {}, (connection) => record(connection, plan));
  });
}

async function record(connection: Connection, plan: FakePlan): Promise<FakeResult> {
  await ensureOwnSchema(connection);
  const fingerprint = schemaFingerprint(await readSchemaSnapshot(connection));
  const { direction, steps } = plan;
  const runs = steps.map(({ name, checksum }) => ({ name, direction, checksum }));
  await recordFake(connection, runs, fingerprint);
  return { ...plan, schemaFingerprint: fingerprint };
}

function assertSame(agreed: FakePlan, now: FakePlan): void {
  const keyOf = ({ steps }: FakePlan) => steps.map(({ name, checksum }) => `${name} ${checksum}`).join("\n");
  if (keyOf(agreed) === keyOf(now)) return;
  throw new RoomctlError("E_PLAN_STALE", "nothing was recorded: other migrations are applied by now", {
    hint: "look again with: roomctl migrate status",
  });
}
