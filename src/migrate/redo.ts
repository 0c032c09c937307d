import { withLock } from "../db/lock.js";
import { loadParser } from "../db/parse.js";
import type { Database } from "../db/pool.js";
import { applyDownUnderLock, type DownPlan, planDownFor } from "./down.js";
import { readMigrationFiles, requireFile } from "./files.js";
import { type PlannedMigration, type PlanRange, planTry } from "./plan.js";
import { type RunOptions, type RunResult, runMigrations } from "./run.js";
import { parseScript } from "./script.js";

export interface RedoPlan extends Omit<DownPlan, "direction"> {
  readonly direction: "redo";
  /** The same migrations as in `steps`, oldest first, as they would be applied again. */
  readonly again: readonly PlannedMigration[];
}

export interface RedoResult {
  readonly direction: "redo";
  readonly down: RunResult;
  /** Null when undoing failed: nothing was applied again. */
  readonly up: RunResult | null;
}

/**
 * What undoing the newest migrations and applying exactly these again would run and take away, found by a rehearsal of
 * both ways that is rolled back: an up file that would fail is found before anything is undone.
 */
export async function planRedo(database: Database, directory: string, range: PlanRange): Promise<RedoPlan> {
  const plan = await planDownFor("redo", database, { ...range, directory });
  return { ...plan, direction: "redo", again: await planAgain(directory, plan.steps) };
}

/** Undoes and applies again what was planned, under one lock. Throws as `applyDown` does. */
export async function applyRedo(
  database: Database,
  plan: RedoPlan,
  options: RunOptions & PlanRange & { readonly directory: string },
): Promise<RedoResult> {
  const { lockWaitMs: waitMs, signal, directory } = options;
  return withLock(database, "change", { waitMs, signal }, async (lock) => {
    const down = await applyDownUnderLock(database, { ...plan, direction: "down" }, { options, lock, purpose: "redo" });
    if (down.failure) return { direction: "redo", down, up: null };
    const files = readMigrationFiles(directory);
    const steps = await planAgain(directory, plan.steps);
    const up = await runMigrations(database, { ...options, direction: "up", isRedo: true, files, steps, lock });
    return { direction: "redo", down, up };
  });
}

async function planAgain(directory: string, undone: readonly PlannedMigration[]): Promise<readonly PlannedMigration[]> {
  const files = readMigrationFiles(directory);
  const parser = await loadParser();
  return undone.toReversed().map(({ name }) => {
    const { up, checksum } = requireFile(files, name);
    return { name, path: up.path, checksum, ...planTry(undefined, "up", parseScript(parser, up)) };
  });
}
