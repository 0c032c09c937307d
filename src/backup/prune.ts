import type { Clock } from "../core/clock.js";
import { messageOf } from "../core/errors.js";
import { backupTime } from "./id.js";
import { type ListedBackup, listBackups } from "./list.js";
import { openRepository, type Repository } from "./repository.js";
import { withRepositoryLock } from "./repository-lock.js";
import { planRetention, type RetentionBackup, type RetentionPolicy } from "./retention.js";

export interface PruneRules {
  readonly policy: RetentionPolicy;
  /** IANA name: where days begin. */
  readonly timeZone: string;
  readonly clock: Clock;
}

export interface PrunePlan {
  readonly repository: string;
  readonly timeZone: string;
  /** Newest first. */
  readonly backups: readonly PlannedBackup[];
}

interface PlannedBackup extends ReturnType<typeof pickFacts> {
  readonly isKept: boolean;
  /** Why it stays, every reason; or why it goes. */
  readonly reasons: readonly string[];
}

export interface PruneResult extends Omit<PrunePlan, "backups"> {
  /** False for a dry run. */
  readonly applied: boolean;
  readonly backups: readonly (PlannedBackup & PruneOutcome)[];
  readonly deleted: number;
  readonly failed: number;
  readonly freedBytes: number;
  /** What killed runs left behind, and this one removed. */
  readonly swept: readonly string[];
}

export interface PruneOutcome {
  /** `planned` is what a dry run would delete. */
  readonly outcome: "kept" | "planned" | "deleted" | "failed";
  /** Why it failed. */
  readonly error: string | null;
}

/** Reads the repository and decides; changes nothing. Throws E_USAGE for an unknown time zone, E_FILE. */
export async function planPrune(location: string, { policy, timeZone, clock }: PruneRules): Promise<PrunePlan> {
  const { repository, backups } = await listBackups(location);
  const decisions = planRetention(backups.map(describe), policy, clock.now(), timeZone);
  const byId = new Map(backups.map((backup) => [backup.id, backup]));
  const planned = decisions.flatMap(({ id, isKept, reasons }) => {
    const backup = byId.get(id);
    return backup ? [{ ...pickFacts(backup), isKept, reasons }] : [];
  });
  return { repository, timeZone, backups: planned };
}

export interface PruneOptions extends PruneRules {
  /** How long to wait for a backup that is being made, or another prune. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

/**
 * Plans while no other run changes the repository, then removes what the plan lets go, the oldest first. One that cannot
 * be removed is listed as failed, and the others still go. Killed at any moment, each backup is whole or gone.
 * Throws E_LOCKED, E_USAGE for an unknown time zone, E_FILE.
 */
export async function prune(location: string, options: PruneOptions): Promise<PruneResult> {
  const { waitMs, signal, clock } = options;
  return withRepositoryLock(location, { waitMs, signal, clock }, async (lock) => {
    const repository = openRepository(location);
    const swept = await repository.sweep(clock.now());
    const plan = await planPrune(location, options);
    const outcomes = new Map<string, PruneOutcome>();
    const leaving = plan.backups.filter(({ isKept }) => !isKept).reverse();
    for (const [done, { id }] of leaving.entries()) {
      signal?.throwIfAborted();
      lock.assertHeld();
      options.onProgress?.({ message: `removing ${id}`, done, total: leaving.length });
      outcomes.set(id, await remove(repository, id));
    }
    return summarize(plan, outcomes, { applied: true, swept });
  });
}

/** The same as a result, for a dry run. */
export function describePlan(plan: PrunePlan): PruneResult {
  const planned = plan.backups.filter(({ isKept }) => !isKept).map(({ id }) => [id, planDeletion] as const);
  return summarize(plan, new Map(planned), { applied: false, swept: [] });
}

const planDeletion: PruneOutcome = { outcome: "planned", error: null };
const stays: PruneOutcome = { outcome: "kept", error: null };

function describe(backup: ListedBackup): RetentionBackup {
  const { id, state, createdAt, database, systemIdentifier, isWhole, verification, pin } = backup;
  const damagedSince = verification?.damagedSince ?? null;
  return {
    id,
    state,
    createdAt: createdAt === null ? backupTime(id) : new Date(createdAt),
    source: database === null ? null : JSON.stringify([systemIdentifier, database]),
    isWhole: isWhole === true,
    damagedSince: damagedSince === null ? null : new Date(damagedSince),
    isPinned: pin !== null,
  };
}

function pickFacts({ id, state, createdAt, database, isWhole, rows, sizeBytes }: ListedBackup) {
  return { id, state, createdAt, database, isWhole, rows, sizeBytes };
}

async function remove(repository: Repository, id: string): Promise<PruneOutcome> {
  try {
    const isRemoved = (await repository.remove(id)) === "removed";
    return { outcome: isRemoved ? "deleted" : "kept", error: null };
  } catch (error) {
    return { outcome: "failed", error: messageOf(error) };
  }
}

function summarize(
  plan: PrunePlan,
  outcomes: ReadonlyMap<string, PruneOutcome>,
  rest: Pick<PruneResult, "applied" | "swept">,
): PruneResult {
  const backups = plan.backups.map((backup) => {
    const own = outcomes.get(backup.id) ?? stays;
    const isPinnedSince = !backup.isKept && own.outcome === "kept";
    return { ...backup, ...(isPinnedSince ? { isKept: true, reasons: ["pinned meanwhile"] } : {}), ...own };
  });
  const of = (outcome: PruneOutcome["outcome"]) => backups.filter((backup) => backup.outcome === outcome);
  return {
    repository: plan.repository,
    timeZone: plan.timeZone,
    ...rest,
    backups,
    deleted: of("deleted").length,
    failed: of("failed").length,
    freedBytes: [...of("deleted"), ...of("planned")].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}
