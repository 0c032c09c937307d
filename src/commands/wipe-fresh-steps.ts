import { existsSync } from "node:fs";
import { messageOf, RoomctlError } from "../core/errors.js";
import type { Environment } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { applyMigrations } from "../migrate/apply.js";
import { type MigrationFile, readMigrationFiles } from "../migrate/files.js";
import { environmentToMark } from "../migrate/mark.js";
import { planUp } from "../migrate/plan.js";
import { applySeed } from "../migrate/seed.js";
import { plural } from "../report/text.js";
import type { CommandContext } from "./command.js";

/** What follows a wipe with --fresh. */
export interface FreshSteps {
  /** Names of the migrations that the database does not have yet; null where the app has none at all. */
  readonly pending: readonly string[] | null;
  /** The file, or null with the reason. */
  readonly seedFile: string | null;
  readonly seedSkipped: string | null;
  /** Why the migrations would not run: known before anything is deleted. */
  readonly refusal?: RoomctlError;
}

/** How one of them ended. A wipe that is done stays done, so a failure is a result. */
export interface StepOutcome {
  readonly state: "done" | "skipped" | "failed";
  /** For people: `2 migrations applied`. */
  readonly summary: string;
  /** Of a failure: the command to type next. */
  readonly hint?: string;
}

/** Looks at what would follow. Throws E_MIGRATION_ORDER and the like for files that cannot be read as migrations. */
export async function planSteps(
  database: Database,
  environment: Environment,
  { app, settings }: CommandContext,
): Promise<FreshSteps> {
  const files = readFiles(settings.migrationsDirectory.value);
  const plan = files && (await planUp(database, files, {}));
  const refusal = plan?.refusal;
  return {
    pending: plan?.steps.map(({ name }) => name) ?? null,
    ...seedOf(app.seedFile, environment),
    ...(refusal ? { refusal: new RoomctlError(refusal.code, refusal.message, { hint: refusal.hint }) } : {}),
  };
}

/** Brings the schema up. */
export async function migrateFresh(
  database: Database,
  { pending }: FreshSteps,
  { settings, signal, onProgress }: CommandContext,
): Promise<StepOutcome> {
  if (pending === null) return skipSteps("the app has no migrations");
  return attempt("roomctl migrate", async () => {
    const { steps, failure } = await applyMigrations(database, {
      directory: settings.migrationsDirectory.value,
      environment: environmentToMark(database.target.host, settings.environment),
      lockWaitMs: settings.lockWaitMs.value,
      signal,
      onProgress,
    });
    if (failure) throw new RoomctlError(failure.code, `${failure.message}: ${failure.why}`, { hint: failure.hint });
    const done = steps.filter(({ state }) => state === "done").length;
    return done === 0 ? "nothing to apply" : `${plural(done, "migration")} applied`;
  });
}

/** Loads the demonstration data. */
export async function seedFresh(
  database: Database,
  { seedFile, seedSkipped }: FreshSteps,
  { settings, signal }: CommandContext,
): Promise<StepOutcome> {
  if (seedFile === null) return skipSteps(seedSkipped ?? "the app names no seed file");
  return attempt("roomctl seed", async () => {
    const { inserted } = await applySeed(database, seedFile, { waitMs: settings.lockWaitMs.value, signal });
    const rows = inserted.reduce((sum, table) => sum + table.rows, 0);
    return `${plural(rows, "row")} inserted from ${seedFile}`;
  });
}

export function skipSteps(why: string): StepOutcome {
  return { state: "skipped", summary: why };
}

/** An interruption is a failure like others: whoever stops us must learn that the wipe is done. */
async function attempt(next: string, work: () => Promise<string>): Promise<StepOutcome> {
  try {
    return { state: "done", summary: await work() };
  } catch (error) {
    const hint = error instanceof RoomctlError && error.hint ? error.hint : next;
    return { state: "failed", summary: messageOf(error), hint };
  }
}

function readFiles(directory: string): readonly MigrationFile[] | null {
  try {
    return readMigrationFiles(directory);
  } catch (error) {
    if (codeOf(error) === "E_NO_MIGRATIONS") return null;
    throw error;
  }
}

function seedOf(file: string | undefined, environment: Environment): Pick<FreshSteps, "seedFile" | "seedSkipped"> {
  if (file === undefined) return { seedFile: null, seedSkipped: "the app names no seed file" };
  if (environment !== "development") {
    return {
      seedFile: null,
      seedSkipped: `this database is marked ${environment}, and seed data belongs in none other than development`,
    };
  }
  if (existsSync(file)) return { seedFile: file, seedSkipped: null };
  throw new RoomctlError("E_FILE", `nothing was changed: there is no seed file ${file}`, {
    hint: "correct seedFile in the configuration",
  });
}
