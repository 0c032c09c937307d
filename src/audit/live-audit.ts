import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import type { TableFacts } from "../db/schema.js";
import { codeOf, isLockConflict, sqlstate } from "../db/sqlstate.js";
import type { Finding } from "./finding.js";
import type { ControlEndpoint } from "./live-client.js";
import { type ContainerComparison, compareContainer, unknownConditions } from "./live-container.js";
import { driftFindings, lookAgain, notComparedFinding, pendingFindings } from "./live-findings.js";
import type { ContainerAnswer, ServerAnswer } from "./live-protocol.js";
import type { LiveContainer } from "./live-report.js";
import { findTarget } from "./live-target.js";

const shownDrift = 1000;

export interface LiveSurroundings {
  readonly control: ControlEndpoint;
  readonly database: Database;
  readonly options: LiveTuning;
  readonly server: ServerAnswer;
  readonly tables: readonly TableFacts[];
}

export interface LiveTuning {
  /** How long to wait for a table that somebody has locked; 1 s unless told. */
  readonly lockTimeoutMs?: number;
  /** Between two looks at what has not settled; 200 ms unless told. */
  readonly pauseMs?: number;
  readonly signal?: AbortSignal;
}

export interface AuditedContainer {
  readonly report: LiveContainer;
  readonly findings: readonly Finding[];
}

/** Holds one container against its table, where it has one. What stands against it becomes a finding. Throws E_CONTROL. */
export async function auditContainer(around: LiveSurroundings, container: ContainerAnswer): Promise<AuditedContainer> {
  const { control, database, options, server, tables } = around;
  const { table = null, persistence } = container;
  if (table === null || persistence !== "write-behind") {
    return { report: reportOf(container, { outcome: "memory only" }), findings: [] };
  }
  const found = findTarget(container, tables);
  const unknown = "target" in found ? unknownConditions(container, found.target) : [];
  if (!("target" in found)) return notCompared(container, found.because);
  if (unknown.length > 0) return notCompared(container, `${table} has no column ${unknown.join(", ")}`);
  const limits = { toleranceMs: server.timeToleranceMs, lockTimeoutMs: options.lockTimeoutMs ?? 1000 };
  const again = { again: lookAgain(control.address, container.name) };
  try {
    const comparison = await compareContainer({
      control,
      container,
      comparer: { database, target: found.target, options: limits },
      serverEpoch: server.epoch ?? undefined,
      pauseMs: options.pauseMs ?? 200,
      signal: options.signal,
    });
    return judge(container, comparison, again);
  } catch (error) {
    const because = unreadable(error);
    if (because === undefined) throw error;
    return notCompared(container, because);
  }
}

function judge(
  container: ContainerAnswer,
  comparison: ContainerComparison,
  context: { readonly again: string },
): AuditedContainer {
  const { held, compared, pending, unsettled, drift, leftOut, isCutOff } = comparison;
  const outcome = isCutOff ? "not compared" : drift.length > 0 ? "drift" : "agrees";
  const because = isCutOff ? "too many rows hold values that their columns do not take; the rest was not read" : null;
  const numbers = { held, compared, pending, unsettled, leftOut, outcome, because } as const;
  return {
    report: reportOf(container, { ...numbers, driftCount: drift.length, drift: drift.slice(0, shownDrift) }),
    findings: [
      ...driftFindings(container, drift, context),
      ...pendingFindings(container, comparison, context),
      ...(because === null ? [] : [notComparedFinding(container, because, context.again)]),
    ],
  };
}

function notCompared(container: ContainerAnswer, because: string): AuditedContainer {
  return {
    report: reportOf(container, { outcome: "not compared", because }),
    findings: [notComparedFinding(container, because, "is this the server's own database? roomctl config --origin")],
  };
}

function reportOf(
  { name, persistence, table, size, pending }: ContainerAnswer,
  known: Partial<LiveContainer> & Pick<LiveContainer, "outcome">,
): LiveContainer {
  const nothing = { held: 0, compared: 0, unsettled: 0, because: null, driftCount: 0, drift: [], leftOut: [] };
  return { name, persistence, table: table ?? null, size, pending, ...nothing, ...known };
}

/** Why a table could not be read, where that is the table's own matter; undefined for a lost connection or an interrupt. */
function unreadable(error: unknown): string | undefined {
  const code = codeOf(error);
  if (isLockConflict(error)) return "its table is locked by somebody else";
  if (code === sqlstate.insufficientPrivilege) return messageOf(error);
  const isAnswer = code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57|53|40)/.test(code);
  return isAnswer ? messageOf(error) : undefined;
}
