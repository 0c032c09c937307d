import type { Database } from "../db/pool.js";
import { applyFake, type FakePlan } from "../migrate/fake.js";
import type { CommandContext } from "./command.js";

/** What was recorded without running, or would be. */
export interface FakeAnswer {
  readonly applied: boolean;
  readonly fake: FakePlan;
}

export interface FakeRequest {
  readonly isDryRun: boolean;
  readonly plan: () => Promise<FakePlan>;
}

/** Records what is planned, or only shows it. */
export async function runFake(
  database: Database,
  { settings, signal }: CommandContext,
  { isDryRun, plan }: FakeRequest,
): Promise<FakeAnswer> {
  const planned = await plan();
  if (isDryRun || planned.steps.length === 0) return { applied: false, fake: planned };
  const lock = { waitMs: settings.lockWaitMs.value, signal };
  return { applied: true, fake: await applyFake(database, planned, { ...lock, planAgain: plan }) };
}
