import type { Severity, StateEntry } from "../core/catalogue.js";
import { shellWord } from "../core/shell.js";
import { type Drift, type DriftId, driftIds } from "./compare-verdict.js";
import type { Finding } from "./finding.js";

import type { ControlAddress } from "./live-address.js";
import type { ContainerAnswer } from "./live-protocol.js";
import type { LiveContainer } from "./live-report.js";

/** What every finding of a live audit needs to know of its surroundings. */
export interface FindingContext {
  /** The command that looks again. */
  readonly again: string;
}

/** `roomctl audit --live unix:/run/rooms.sock --state active-rooms`. */
export function lookAgain(address: ControlAddress, state?: string): string {
  const chosen = state === undefined ? "" : ` --state ${shellWord(state.replaceAll(" ", "-"))}`;
  return `roomctl audit --live ${shellWord(address.shown)}${chosen}`;
}

const shownCases = 5;
/** Background writes take milliseconds; after so long something is in their way. */
const slowMs = 10_000;

const meanings: Readonly<Record<DriftId, { readonly title: string; readonly why: string; readonly hint?: string }>> = {
  "live-missing-in-database": {
    title: "in memory and said to be written, but without a row",
    why: "a restart loses it: a write was dropped or refused, or somebody deleted the row",
  },
  "live-missing-in-memory": {
    title: "live by their rows, but not in the server's memory",
    why: "users of it find nothing there, while a restart would bring it back",
  },
  "live-stale": {
    title: "with a row that is older than memory, though said to be written",
    why: "a restart goes back to the older state: a write was lost, or the server is fenced and does not know it",
  },
  "live-ahead": {
    title: "with a row that is newer than memory",
    why: "somebody else writes to it: another server took over, or a row was changed by hand",
    hint: "SELECT pid, application_name, client_addr, query FROM pg_stat_activity WHERE datname = current_database();",
  },
  "live-differs": {
    title: "with a row of other values",
    why: "a restart brings back what the row says, not what users see now",
  },
};

/** One finding for each kind of drift, with the first keys; the report lists more of them. */
export function driftFindings(
  container: ContainerAnswer,
  drift: readonly Drift[],
  { again }: FindingContext,
): readonly Finding[] {
  return driftIds.flatMap((id): Finding[] => {
    const cases = drift.filter((one) => one.id === id);
    if (cases.length === 0) return [];
    const { title, why, hint } = meanings[id];
    return [
      {
        id,
        severity: "error",
        subject: container.name,
        title: `${container.name}: ${cases.length.toLocaleString("en-US")} ${title} (${container.table})`,
        why,
        hint: hint ?? again,
        count: cases.length,
        cases: cases.slice(0, shownCases).map(describeDrift),
      },
    ];
  });
}

function describeDrift({ key, fields, memoryVersion, rowVersion, rowEpoch, refusal, id }: Drift): string {
  if (refusal !== undefined) return `${key}: ${refusal}`;
  const marks = `memory at version ${memoryVersion ?? "?"}, row at ${rowVersion ?? "?"}${rowEpoch ? ` of epoch ${rowEpoch}` : ""}`;
  const values = fields
    .slice(0, 3)
    .map(({ field, memory, database }) => `${field} ${memory} in memory, ${database} in the row`);
  const isOrdered = id === "live-ahead" || id === "live-stale";
  const parts = [...(isOrdered ? [marks] : []), ...values];
  return parts.length === 0 ? key : `${key}: ${parts.join("; ")}`;
}

/** Changes on their way: no drift, but no row either; after a while a sign that nothing is written any more. */
export function pendingFindings(
  container: ContainerAnswer,
  { pending, unsettled }: Pick<LiveContainer, "pending" | "unsettled">,
  { again }: FindingContext,
): readonly Finding[] {
  if (pending + unsettled === 0) return [];
  const waitedMs = container.oldestPendingMs ?? 0;
  const isSlow = waitedMs > slowMs;
  const parts = [
    ...(pending > 0 ? [`${pending.toLocaleString("en-US")} not written yet`] : []),
    ...(unsettled > 0 ? [`${unsettled.toLocaleString("en-US")} that did not settle`] : []),
  ];
  return [
    {
      id: "live-pending",
      severity: isSlow ? "warning" : "info",
      subject: container.name,
      title: `${container.name}: ${parts.join(", ")}`,
      why: isSlow
        ? `the oldest change waits for ${Math.round(waitedMs / 1000)} s: is the server's database up?`
        : "changes on their way to the database are not compared; a crash now would lose them",
      hint: again,
    },
  ];
}

/** A container that should be compared and was not. */
export function notComparedFinding(container: ContainerAnswer, because: string, hint: string): Finding {
  return {
    id: "live-not-compared",
    severity: "error",
    subject: container.name,
    title: `${container.name} was not compared: ${because}`,
    why: "nobody knows whether its rows agree with memory",
    hint,
  };
}

/** What the catalogue says of memory, held against what the server says of it. */
export function catalogueFindings(
  entries: readonly StateEntry[],
  containers: readonly ContainerAnswer[],
  { again }: FindingContext,
): readonly Finding[] {
  const unknown = entries.filter(
    ({ name, persistence }) => persistence !== "durable" && !containers.some((one) => one.name === name),
  );
  const unlisted = containers.filter(({ name }) => !entries.some((entry) => entry.name === name));
  return [
    ...unknown.map((entry) => unknownFinding(entry, again)),
    ...unlisted.map(
      ({ name, table, size }): Finding => ({
        id: "live-unlisted-state",
        severity: "warning",
        subject: name,
        title: `${name} is in the server's memory (${size.toLocaleString("en-US")}), and not in the catalogue`,
        why: table
          ? `it is written to ${table}, but no recovery or wipe knows of it`
          : "nobody has said whether a restart may lose it",
        hint: "give it an entry in the catalogue (states[] of the configuration)",
      }),
    ),
    ...containers.flatMap((one) =>
      contradiction(
        one,
        entries.find(({ name }) => name === one.name),
      ),
    ),
  ];
}

function unknownFinding({ name, persistence }: StateEntry, hint: string): Finding {
  const severity: Severity = persistence === "ephemeral" ? "info" : "warning";
  return {
    id: "live-unknown-state",
    severity,
    subject: name,
    title: `${name} should be in the server's memory, and the server does not name it`,
    why: `the catalogue says ${persistence}; nothing of it could be compared`,
    hint,
  };
}

/** The catalogue promises that it is kept, and the server keeps it elsewhere or not at all. */
function contradiction(container: ContainerAnswer, entry: StateEntry | undefined): readonly Finding[] {
  if (entry === undefined || entry.persistence === container.persistence) return [];
  return [
    {
      id: "live-other-class",
      severity: entry.persistence === "ephemeral" ? "warning" : "error",
      subject: container.name,
      title: `${container.name} is ${container.persistence} in the server, and ${entry.persistence} in the catalogue`,
      why: "recovery and audit rely on the catalogue",
      hint: "correct the one that is wrong",
    },
  ];
}
