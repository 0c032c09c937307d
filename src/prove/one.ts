import { systemClock } from "../core/clock.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { Script } from "../migrate/script.js";
import { checkBuilds, checkPrefixes, checkRerun, checkRoundTrip, type Scene, timed } from "./checks.js";
import { refusedAt, type Subject } from "./finding.js";
import type { ProofGround } from "./ground.js";
import { namedBuilds } from "./invalid-index.js";
import { type FirstLook, lookFirst } from "./look.js";
import type { MigrationProof, PrefixMode, ProofCheck, ProveOptions } from "./model.js";
import { lookOverRows, type OverRows } from "./over-rows.js";
import { prefixesOf } from "./prefixes.js";
import { newSessionAfter, runTogether, runWhole, type Stop, textsOf } from "./run.js";
import { countersIn, countersText, mayMoveSequences, mayTouchRows, writesBetween } from "./writes.js";

export interface Proved {
  readonly proof: MigrationProof;
  readonly isApplied: boolean;
  /** The schema with the migration, where it had to be read. */
  readonly after: SchemaSnapshot | undefined;
}

export interface ProveOne extends Required<Pick<ProveOptions, "rows" | "looks">> {
  /** The schema without it, where it is known. */
  readonly before: SchemaSnapshot | undefined;
  readonly prefixes: PrefixMode;
}

/** Proves one migration on the ground that those before it have built, and leaves it applied there. */
export async function proveOne(ground: ProofGround, migration: ParsedMigration, options: ProveOne): Promise<Proved> {
  const startedMs = systemClock.monotonicMs();
  const { up, file } = migration;
  const subject = { migration: file.name, script: up };
  const seen = await lookBefore(ground, migration, options);
  // Once the migration is applied, there is no way back to the state before but a copy of it.
  await using previous = needsCopy(up, seen) ? await ground.copy() : undefined;
  const { stop, wroteRows } = await apply(ground, up);
  let after: SchemaSnapshot | undefined;
  const readAfter = async () => {
    after ??= await readSchemaSnapshot(await ground.connect());
    return after;
  };
  const scene: Scene = { ...options, ...seen, ground, migration, subject, previous, readAfter, upWroteRows: wroteRows };
  const checks = stop ? [notApplied(subject, stop)] : await checkAll(scene);
  const durationMs = Math.round(systemClock.monotonicMs() - startedMs);
  const proved: Proved = { isApplied: !stop, after, proof: { ...proofOf(migration, checks), durationMs } };
  return proved;
}

/** A migration that was not reached. */
export function notReached(migration: ParsedMigration): MigrationProof {
  return { ...proofOf(migration, []), state: "not-reached", durationMs: 0 };
}

type Seen = Pick<Scene, "look" | "lookedMs" | "overRows" | "rowsMs" | "before">;

/** All that has to be seen before the migration is applied. */
async function lookBefore(ground: ProofGround, migration: ParsedMigration, options: ProveOne): Promise<Seen> {
  const connection = await ground.connect();
  const { up, down } = migration;
  const { prefixes, rows, looks, before } = options;
  const isQuick = looks === "quick";
  const look = await timed(() => (isQuick ? lookFirst(connection, migration, prefixes) : unseen(up, prefixes)));
  const overRows = await timed(() => (isQuick ? lookOverRows(connection, up, rows) : rowsUnseen(up, rows)));
  const isSettled = down === undefined || look.value.leadsBack;
  return {
    look: look.value,
    lookedMs: look.durationMs,
    overRows: overRows.value,
    rowsMs: overRows.durationMs,
    before: isSettled ? undefined : (before ?? (await readSchemaSnapshot(connection))),
  };
}

async function unseen(up: Script, prefixes: PrefixMode): Promise<FirstLook> {
  const tried = prefixesOf(up, prefixes);
  return { tried, suspects: tried, leadsBack: false };
}

async function rowsUnseen(up: Script, rows: number): Promise<OverRows> {
  return rows > 0 && mayTouchRows(up) ? "loud" : "not-needed";
}

function needsCopy(up: Script, { look, overRows }: Seen): boolean {
  return look.suspects.length > 0 || overRows === "loud" || namedBuilds(up).length > 0;
}

interface Applied {
  readonly stop: Stop | undefined;
  readonly wroteRows: boolean;
}

async function apply(ground: ProofGround, up: Script): Promise<Applied> {
  const connection = await ground.connect();
  if (up.isTransactional) {
    const counters = mayMoveSequences(up) ? [countersText()] : [];
    const texts = ["BEGIN", ...counters, ...textsOf(up.statements), ...counters, "COMMIT"];
    const run = await runTogether(connection, texts);
    if (run === undefined) await connection.execute("ROLLBACK");
    await newSessionAfter(connection, up);
    const wroteRows = mayMoveSequences(up) && writesBetween(countersIn(run?.[1]), countersIn(run?.at(-2))).rows > 0;
    if (run !== undefined) return { stop: undefined, wroteRows };
  }
  // Outside of a transaction, or statement by statement to find the one that is refused.
  return { stop: await runWhole(connection, up), wroteRows: true };
}

function notApplied(subject: Subject, stop: Stop): ProofCheck {
  const hint = "correct the statement; the migrations after it were not proved";
  const failed = refusedAt("up-fails", subject, { stop, what: "it does not apply", hint });
  return { check: "apply", outcome: "refuted", note: null, findings: [failed], durationMs: 0 };
}

async function checkAll(scene: Scene): Promise<readonly ProofCheck[]> {
  const rerun = await checkRerun(scene);
  const prefixes = await checkPrefixes(scene, rerun);
  const builds = await checkBuilds(scene);
  return [rerun, prefixes, ...(builds === undefined ? [] : [builds]), await checkRoundTrip(scene)];
}

function proofOf({ file, up }: ParsedMigration, checks: readonly ProofCheck[]): Omit<MigrationProof, "durationMs"> {
  const isRefuted = checks.some(({ findings }) => findings.some(({ severity }) => severity === "error"));
  return {
    name: file.name,
    path: up.path,
    isTransactional: up.isTransactional,
    statementCount: up.statements.length,
    state: isRefuted ? "refuted" : "proven",
    checks,
  };
}
