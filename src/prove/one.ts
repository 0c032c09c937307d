import { systemClock } from "../core/clock.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { Script } from "../migrate/script.js";
import { checkBuilds, checkPrefixes, checkRerun, checkRoundTrip, type Scene, timed } from "./checks.js";
import { refusedAt } from "./finding.js";
import { type ProofGround, runWhole, type Stop } from "./ground.js";
import { namedBuilds } from "./invalid-index.js";
import type { MigrationProof, PrefixMode, ProofCheck } from "./model.js";
import { lookAtPrefixes, prefixesOf } from "./prefixes.js";
import { leavesCatalogUntouched } from "./untouched.js";
import { readWrites } from "./writes.js";

export interface Proved {
  readonly proof: MigrationProof;
  readonly isApplied: boolean;
  /** The schema with the migration, where it had to be read. */
  readonly after: SchemaSnapshot | undefined;
}

export interface ProveOne {
  /** The schema without it, where it is known. */
  readonly before: SchemaSnapshot | undefined;
  readonly prefixes: PrefixMode;
}

/** Proves one migration on the ground that those before it have built, and leaves it applied there. */
export async function proveOne(
  ground: ProofGround,
  migration: ParsedMigration,
  { before: known, prefixes: mode }: ProveOne,
): Promise<Proved> {
  const startedMs = systemClock.monotonicMs();
  const { up, file } = migration;
  const subject = { migration: file.name, script: up };
  const finish = (checks: readonly ProofCheck[], isApplied: boolean, after?: SchemaSnapshot): Proved => ({
    isApplied,
    after,
    proof: { ...proofOf(migration, checks), durationMs: Math.round(systemClock.monotonicMs() - startedMs) },
  });
  const looked = await timed(() => lookFirst(ground, up, mode));
  const trip = await timed(() => lookAtRoundTrip(ground, migration, known));
  // Once the migration is applied, there is no way back to the state before but a copy of it.
  const needsPrevious = looked.value.suspects.length > 0 || namedBuilds(up).length > 0;
  await using previous = needsPrevious ? await ground.copy() : undefined;
  const { stop, wroteRows } = await apply(ground, up);
  if (stop) {
    const hint = "correct the statement; the migrations after it were not proved";
    const failed = refusedAt("up-fails", subject, { stop, what: "it does not apply", hint });
    const refuted: ProofCheck = { check: "apply", outcome: "refuted", note: null, findings: [failed], durationMs: 0 };
    const stopped = finish([refuted], false);
    return stopped;
  }
  let after: SchemaSnapshot | undefined;
  const readAfter = async () => {
    after ??= await readSchemaSnapshot(await ground.connect());
    return after;
  };
  const scene: Scene = { ground, migration, subject, previous, before: trip.value, readAfter, upWroteRows: wroteRows };
  const rerun = await checkRerun(scene);
  const prefixes = await checkPrefixes(scene, { ...looked.value, lookedMs: looked.durationMs, mode, rerun });
  const checks = [rerun, prefixes, await checkBuilds(scene), await checkRoundTrip(scene, trip.durationMs)];
  const made = checks.filter((check) => check !== undefined);
  const proved = finish(made, true, after);
  return proved;
}

/** A migration that was not reached. */
export function notReached(migration: ParsedMigration): MigrationProof {
  return { ...proofOf(migration, []), state: "not-reached", durationMs: 0 };
}

/** Outside of a transaction nothing is tried for free: all prefixes have to be run. */
async function lookFirst(ground: ProofGround, up: Script, mode: PrefixMode) {
  const tried = prefixesOf(up, mode);
  if (!up.isTransactional) return { tried, suspects: tried };
  return lookAtPrefixes(await ground.connect(), up, { tried, mode });
}

/** The schema to come back to, or `untouched` where a first look has settled that down leads there. */
async function lookAtRoundTrip(
  ground: ProofGround,
  migration: ParsedMigration,
  known: SchemaSnapshot | undefined,
): Promise<SchemaSnapshot | "untouched" | "no-down"> {
  if (migration.down === undefined) return "no-down";
  const connection = await ground.connect();
  if (await leavesCatalogUntouched(connection, migration)) return "untouched";
  return known ?? (await readSchemaSnapshot(connection));
}

interface Applied {
  readonly stop: Stop | undefined;
  readonly wroteRows: boolean;
}

async function apply(ground: ProofGround, up: Script): Promise<Applied> {
  const connection = await ground.connect();
  let wroteRows = !up.isTransactional;
  const stop = await runWhole(connection, up, async (statement) => {
    const isLast = statement === up.statements.at(-1);
    if (isLast && up.isTransactional) wroteRows = (await readWrites(connection)).rows > 0;
  });
  return { stop, wroteRows };
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
