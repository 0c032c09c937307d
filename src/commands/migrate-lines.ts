import { formatDuration } from "../core/duration.js";
import type { FakePlan } from "../migrate/fake.js";
import type { MigrationFinding } from "../migrate/findings.js";
import type { DataLoss } from "../migrate/loss.js";
import type { MigrationPlan, PlannedMigration, UpPlan } from "../migrate/plan.js";
import type { RunResult } from "../migrate/run.js";
import type { Style } from "../report/style.js";
import { plural, printable } from "../report/text.js";
import { isInterruption } from "./migrate-exit.js";

/** What became of each migration, and why the run ended early if it did. */
export function runLines(result: RunResult & { readonly direction: "up" | "down" }, style: Style): string[] {
  const { steps, failure, direction } = result;
  const doneCount = steps.filter(({ state }) => state === "done").length;
  const isStopped = failure !== null && isInterruption(failure);
  const words = {
    done: direction === "up" ? "applied" : "undone",
    failed: isStopped ? "stopped" : "failed",
    skipped: "skipped",
  };
  const paint = { done: style.good, failed: style.bad, skipped: style.warning };
  return [
    ...steps.map(({ name, state, durationMs, tries, reason }) => {
      const tried = tries > 1 ? `, try ${tries}` : "";
      const note = state === "skipped" ? ` (${reason})` : ` (${formatDuration(durationMs)}${tried})`;
      return `${paint[state](words[state])} ${printable(name)}${style.faint(note)}`;
    }),
    ...(failure
      ? [
          `${style.bad("error:")} ${failure.message} ${style.faint(`[${failure.code}]`)}`,
          `  why:  ${failure.why}`,
          `  next: ${failure.hint}`,
        ]
      : [steps.length === 0 ? nothingToDo[direction] : `${plural(doneCount, "migration")} ${words.done}`]),
  ];
}

const nothingToDo = { up: "nothing to apply: the database has what was asked for", down: "nothing to undo" };

/** What a plan would run, and what stands in its way. */
export function planLines(plan: MigrationPlan, style: Style): string[] {
  const verb = plan.direction === "up" ? "would apply" : "would undo";
  return [
    ...plan.steps.map((step) => `${verb} ${step.name}${style.faint(stepNotes(step))}`),
    ...(plan.steps.length === 0 ? [nothingToDo[plan.direction]] : []),
    ...findingLines(plan.findings, style),
  ];
}

function stepNotes({ attempt, isTransactional, statements, progress }: PlannedMigration): string {
  const from = progress.statementsDone + 1;
  const notes = [
    ...(attempt > 1 ? [`try ${attempt}`] : []),
    ...(isTransactional ? [] : ["outside of a transaction"]),
    ...(from > 1 ? [`from statement ${from} of ${statements}`] : []),
  ];
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}

/** What is recorded, or would be, without running. */
export function fakeLines({ direction, steps }: FakePlan, isDone: boolean): string[] {
  if (steps.length === 0) return ["nothing to record"];
  const verb = isDone ? "recorded" : "would record";
  return steps.map(
    ({ name }) => `${verb} ${name} as ${direction === "up" ? "applied" : "not applied"}, without running it`,
  );
}

/** The same for migrate up, which refuses some plans. */
export function upPlanLines(plan: UpPlan, style: Style): string[] {
  if (plan.refusal === null) return planLines(plan, style);
  return [
    ...plan.steps.map(({ name }) => `pending ${name}`),
    ...findingLines(plan.findings, style),
    `${style.bad("would refuse to run:")} ${plan.refusal.message} ${style.faint(`[${plan.refusal.code}]`)}`,
  ];
}

export function findingLines(findings: readonly MigrationFinding[], style: Style): string[] {
  return findings.flatMap(({ kind, message, hint }) => [
    `${style.warning(`${kind}:`)} ${message}`,
    style.faint(`  next: ${hint}`),
  ]);
}

export function lossLines(losses: readonly DataLoss[]): string[] {
  return losses.map(({ kind, table, column, rows, migration }) => {
    const what = {
      table: `table ${table} with ${plural(rows, "row")}`,
      column: `column ${table}.${column} with ${plural(rows, "value")}`,
      rows: `${plural(rows, "row")} of ${table}`,
      values:
        column === null
          ? `values in ${plural(rows, "row")} of ${table}, which is updated`
          : `${plural(rows, "value")} of ${table}.${column}, which gets another type`,
    };
    return `  ${what[kind]} (${migration})`;
  });
}
