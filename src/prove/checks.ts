import { systemClock } from "../core/clock.js";
import type { Connection } from "../db/pool.js";
import type { ScratchDatabase } from "../db/scratch.js";
import type { SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import { findingAt, type Subject } from "./finding.js";
import { openTrial, type ProofGround } from "./ground.js";
import { invalidIndexFindings, namedBuilds } from "./invalid-index.js";
import type { FirstLook } from "./look.js";
import type { CheckName, PrefixMode, ProofCheck, ProofFinding } from "./model.js";
import { type OverRows, overRowsFindings } from "./over-rows.js";
import { type PrefixRun, prefixFindings, runPrefix } from "./prefixes.js";
import { isQuietRerun } from "./rerun.js";
import { rerunFindings } from "./rerun-findings.js";
import { isQuietRoundTrip, roundTripFindings } from "./round-trip.js";
import { readState } from "./state.js";

/** A migration that is applied on the ground, with what was there before. */
export interface Scene {
  readonly ground: ProofGround;
  readonly migration: ParsedMigration;
  readonly subject: Subject;
  readonly prefixes: PrefixMode;
  readonly rows: number;
  readonly looks: "quick" | "none";
  /** What was seen before it was applied, and how long that took. */
  readonly look: FirstLook;
  readonly lookedMs: number;
  readonly overRows: OverRows;
  readonly rowsMs: number;
  /** A copy of the state before, where one was made. */
  readonly previous: ScratchDatabase | undefined;
  /** The schema to come back to; undefined where there is no down, or the first look has settled that it leads there. */
  readonly before: SchemaSnapshot | undefined;
  /** The schema with the migration; read when it is first asked for, and not inside of a transaction. */
  readonly readAfter: () => Promise<SchemaSnapshot>;
  readonly upWroteRows: boolean;
}

/** The result of some work and how long it took. */
export async function timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; durationMs: number }> {
  const startedMs = systemClock.monotonicMs();
  const value = await work();
  return { value, durationMs: Math.round(systemClock.monotonicMs() - startedMs) };
}

/** One check, from the work that finds what refutes it. */
export async function runCheck(
  check: CheckName,
  work: () => Promise<readonly ProofFinding[]>,
  note: string | null = null,
): Promise<ProofCheck> {
  const { value: findings, durationMs } = await timed(work);
  return { check, outcome: isRefuted(findings) ? "refuted" : "holds", note, findings, durationMs };
}

/** The second run of the up file changes nothing. */
export async function checkRerun(scene: Scene): Promise<ProofCheck> {
  const check = await runCheck(
    "rerun",
    async () => {
      const findings = await rerunAsIs(scene);
      const overRows = await rerunOverRows(scene);
      return [...findings, ...overRows.filter((finding) => !findings.some((said) => isAlike(finding, said)))];
    },
    scene.overRows === "unfit" ? "made-up rows do not fit it" : null,
  );
  return { ...check, durationMs: check.durationMs + scene.rowsMs };
}

async function rerunAsIs({ ground, subject, looks, readAfter }: Scene): Promise<readonly ProofFinding[]> {
  const { script } = subject;
  const isLooked = looks === "quick" && script.isTransactional;
  if (isLooked && (await isQuietRerun(await ground.connect(), script, readAfter))) return [];
  return onCopy(ground, (connection) => rerunFindings(connection, { subject, isOverRows: false }));
}

async function rerunOverRows({ ground, subject, rows, overRows, previous }: Scene): Promise<readonly ProofFinding[]> {
  if (overRows !== "loud" || previous === undefined) return [];
  return overRowsFindings(ground, previous, { subject, rows });
}

/** True for two findings of one kind at one statement, or about one object. */
function isAlike(finding: ProofFinding, said: ProofFinding): boolean {
  if (finding.kind !== said.kind) return false;
  const isSamePlace = finding.line === said.line && finding.column === said.column;
  return isSamePlace && (finding.line !== null || finding.changes[0]?.object === said.changes[0]?.object);
}

/** Every interrupted prefix, then the whole file, comes to the state after. */
export async function checkPrefixes(scene: Scene, rerun: ProofCheck): Promise<ProofCheck> {
  const { ground, subject, previous, look, prefixes } = scene;
  const possible = subject.script.statements.length - 1;
  if (possible < 1) return skipped("prefixes", "one statement");
  if (prefixes === "none") return skipped("prefixes", "--prefixes none");
  const { tried, suspects } = look;
  const which = tried.length === possible ? `${possible}` : `${tried.length} of ${possible}`;
  const check = await runCheck(
    "prefixes",
    async () => {
      if (previous === undefined || suspects.length === 0) return [];
      const after = await readState(await ground.connect());
      const runs: PrefixRun[] = [];
      for (const count of suspects) {
        await using trial = await openTrial(ground.server, previous);
        runs.push(await runPrefix(trial.connection, subject.script, { count, after }));
      }
      return prefixFindings(subject, runs).filter((finding) => !isSaid(finding, rerun));
    },
    `${which} ${possible === 1 ? "prefix" : "prefixes"}`,
  );
  return { ...check, durationMs: check.durationMs + scene.lookedMs };
}

/** A concurrent build over the invalid index of one that was cut off ends with a valid index; undefined where none is built. */
export async function checkBuilds({ ground, subject, previous }: Scene): Promise<ProofCheck | undefined> {
  const builds = namedBuilds(subject.script);
  if (builds.length === 0 || previous === undefined) return undefined;
  let tried = 0;
  const check = await runCheck("invalid-index", async () => {
    const after = await readState(await ground.connect());
    const findings: ProofFinding[] = [];
    for (const build of builds) {
      const found = await invalidIndexFindings({ ground, previous, subject, build, after });
      if (found !== undefined) tried += 1;
      findings.push(...(found ?? []));
    }
    return findings;
  });
  if (tried === 0) return skipped("invalid-index", "the index is there before it is built");
  return { ...check, note: tried === builds.length ? null : `${tried} of ${builds.length} builds` };
}

/** Down leads to the state before, and up from there to the state after. */
export async function checkRoundTrip(scene: Scene): Promise<ProofCheck> {
  const { ground, migration, subject, before, looks, readAfter } = scene;
  const { down } = migration;
  if (down === undefined) {
    const message = "it has no down file, so what undoes it is not proved";
    const hint = "write one, or say in the up file why it cannot be undone";
    return { ...skipped("round-trip", "no down file"), findings: [findingAt("no-down", subject, { message, hint })] };
  }
  return runCheck("round-trip", async () => {
    if (before === undefined) return [];
    const trip = { ...scene, down, before, after: await readAfter() };
    if (looks === "quick" && (await isQuietRoundTrip(await ground.connect(), trip))) return [];
    return onCopy(ground, (connection) => roundTripFindings(connection, trip));
  });
}

async function onCopy(
  ground: ProofGround,
  work: (connection: Connection) => Promise<readonly ProofFinding[]>,
): Promise<readonly ProofFinding[]> {
  await using trial = await ground.trial();
  return await work(trial.connection);
}

/** A check that was not made, and why. */
export function skipped(check: CheckName, note: string): ProofCheck {
  return { check, outcome: "skipped", note, findings: [], durationMs: 0 };
}

function isRefuted(findings: readonly ProofFinding[]): boolean {
  return findings.some(({ severity }) => severity === "error");
}

/** A file in one transaction whose second run fails at a statement fails there after an interruption too: said once. */
function isSaid({ severity, line, column }: ProofFinding, { findings }: ProofCheck): boolean {
  return severity === "info" && findings.some((said) => said.line === line && said.column === column);
}
