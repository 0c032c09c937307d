/**
 * Words of a whole restore: it makes a database that holds what the source held, objects and rows. It goes through
 * *phases*, each in *steps* that the *ledger* (`ledger.ts`) lets happen once. A *crew* is the sessions that work on it.
 */
import type { Manifest } from "../backup/manifest.js";
import type { SoundBackup } from "../backup/verify.js";
import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { quoteName } from "../db/identifier.js";
import type { HeldLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { checkRestored, checkTables, type RestoreCheck } from "./check.js";
import { type Crew, createCrew } from "./crew.js";
import { createLargeObjects, finishLargeObjects } from "./large-objects.js";
import { abandonLedger, dropLedger, type Ledger, openLedger } from "./ledger.js";
import { assertNeeds } from "./needs.js";
import { keepMark, readKeptMark } from "./own-records.js";
import { runPostData } from "./post-data.js";
import { loadRows } from "./rows.js";
import { runStatements } from "./run-script.js";
import { readScripts, type SchemaScripts } from "./schema.js";

export interface WholeRestoreOptions {
  readonly backup: SoundBackup;
  /** Sessions that work at the same time. */
  readonly jobs: number;
  /** Held by the caller for as long as this runs. */
  readonly lock: HeldLock;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
  /** `app, public`: for functions of the schema that call others by bare names; nothing but the system's unless told. */
  readonly searchPath?: string;
  /** What the caller has to add, in the transaction that ends the restore. `kept` is how the target was marked before. */
  readonly beforeEnd?: (connection: Connection, kept: string | undefined) => Promise<void>;
}

const phaseNames = ["schema", "rows", "indexes", "views", "statistics", "check"] as const;

interface RestorePhase {
  readonly name: (typeof phaseNames)[number];
  readonly durationMs: number;
}

export interface WholeRestoreResult extends RestoreCheck {
  readonly backup: string;
  readonly rows: number;
  readonly phases: readonly RestorePhase[];
  /** It went on where another run was cut off. */
  readonly isResumed: boolean;
  /** False when something is not as it was: then the ledger stays, and nothing calls the restore done. */
  readonly isEqual: boolean;
}

/**
 * Restores a backup with its schema into a database that has nothing of its own, or goes on with a restore of the same
 * backup there. What differs from the backup in the end is in the result. Throws E_SCHEMA for roles and extensions that
 * the server lacks, E_NOT_EMPTY, E_SQL with the statement that failed, E_BACKUP_DAMAGED.
 */
export async function restoreWhole(database: Database, options: WholeRestoreOptions): Promise<WholeRestoreResult> {
  const { manifest } = options.backup;
  await assertNeeds(database, manifest.needs);
  const scripts = await readScripts(database, options.backup);
  const ledger = await openLedger(database, manifest.id);
  const { signal, lock, searchPath } = options;
  await using crew = createCrew(database, { size: options.jobs, lock, signal, searchPath });
  const restoring = { crew, ledger, manifest, scripts, options };
  const phases: RestorePhase[] = [];
  const timed = async <T>(name: RestorePhase["name"], work: () => Promise<T>): Promise<T> => {
    const startedMs = options.clock.monotonicMs();
    const result = await work();
    phases.push({ name, durationMs: options.clock.monotonicMs() - startedMs });
    return result;
  };
  await timed("schema", () => makeSchema(restoring));
  await timed("rows", () => fill(restoring));
  // Building indexes leaves processors and disks idle now and then, and changes no row.
  const readBack = checkTables(crew, manifest, options.onProgress);
  // Awaited below; whatever else fails until then is what matters.
  readBack.catch(() => {});
  await timed("indexes", () =>
    runPostData(crew, ledger, scripts.postData, { ...options, file: scripts.files.postData }),
  );
  await timed("views", () => refreshViews(restoring));
  await timed("statistics", () => analyze(restoring));
  const check = await timed("check", async () => checkRestored(crew, manifest, await readBack));
  const isEqual = check.differences.length === 0;
  if (isEqual) await end(restoring);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return { backup: manifest.id, rows, phases, isResumed: ledger.isResumed, isEqual, ...check };
}

/** Throws E_BACKUP_DAMAGED with the first differences, unless there are none. */
export function assertRestored({ differences, backup }: WholeRestoreResult): void {
  if (differences.length === 0) return;
  const shown = differences.slice(0, 3).join("; ");
  const more = differences.length > 3 ? `; and ${differences.length - 3} more` : "";
  throw new RoomctlError("E_BACKUP_DAMAGED", `backup ${backup} did not come back as it was: ${shown}${more}`, {
    hint: `it is not handed over; compare both servers' versions and settings, and see every table with: roomctl backup drill ${backup}`,
  });
}

interface Restoring {
  readonly crew: Crew;
  readonly ledger: Ledger;
  readonly manifest: Manifest;
  readonly scripts: SchemaScripts;
  readonly options: WholeRestoreOptions;
}

async function makeSchema({ crew, ledger, manifest, scripts, options }: Restoring): Promise<void> {
  options.onProgress?.({ message: "making the schema" });
  const run = (connection: Connection) =>
    ledger.run(connection, { name: "pre-data" }, async () => {
      await keepMark(connection, manifest);
      await runStatements(connection, scripts.preData, { file: scripts.files.preData, searchPath: options.searchPath });
    });
  try {
    await crew.use(run);
  } catch (error) {
    // Refused, not cut off: whoever restores something else here must not be told to go on with this.
    if (error instanceof RoomctlError) await crew.use(abandonLedger);
    throw error;
  }
}

async function fill({ crew, ledger, manifest, options }: Restoring): Promise<void> {
  const { largeObjects, sequences } = manifest;
  if (largeObjects) await createLargeObjects(crew, ledger, largeObjects);
  await loadRows(crew, ledger, manifest, { ...options, stored: options.backup.stored });
  if (largeObjects) await finishLargeObjects(crew, ledger, largeObjects);
  // Those of unlogged tables begin anew after a crash, and setting one again harms nobody.
  await crew.use((connection) =>
    ledger.run(connection, { name: "sequences", isUnlogged: true }, async () => {
      await connection.query(loadStatement("restore/set-sequences"), [JSON.stringify(sequences)]);
    }),
  );
}

async function refreshViews({ crew, ledger, manifest, options }: Restoring): Promise<void> {
  for (const view of manifest.materializedViews.filter(({ isPopulated }) => isPopulated)) {
    const name = quoteName(view);
    options.onProgress?.({ message: `refreshing ${name}` });
    await crew.use((connection) =>
      ledger.run(connection, { name: `refresh ${name}` }, async () => {
        await connection.execute(`REFRESH MATERIALIZED VIEW ${name}`);
      }),
    );
  }
}

async function analyze({ crew, manifest, options }: Restoring): Promise<void> {
  const { tables, materializedViews } = manifest;
  const roots = tables.flatMap(({ ancestors }) => ancestors);
  const names = [...new Set([...tables, ...roots, ...materializedViews].map(quoteName))];
  await crew.each(names, async (connection, name) => {
    options.onProgress?.({ message: `analyzing ${name}` });
    await connection.execute(`ANALYZE ${name}`);
  });
}

/** Event triggers would fire for what a restore does, so they come when nothing is left to do. */
async function end({ crew, ledger, scripts, options }: Restoring): Promise<void> {
  await options.lock.assertHeld();
  await crew.use(async (connection) => {
    await connection.execute("BEGIN; SET LOCAL synchronous_commit = on");
    await options.beforeEnd?.(connection, await readKeptMark(connection, ledger.backup));
    await dropLedger(connection);
    await runStatements(connection, scripts.postData.last, { file: scripts.files.postData });
    await connection.execute("COMMIT");
  });
}
