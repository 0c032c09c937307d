import { field, list, text } from "../core/recorded.js";
import type { Operation } from "../db/operations.js";
import { plural } from "../report/text.js";

/** What a recorded operation says, in words: whichever feature and version of roomctl wrote it. */
export interface OperationWords {
  /** What was chosen: `rooms, chat`, a backup's id, a file; null where nothing was. */
  readonly choice: string | null;
  /** Of the plan that was agreed to. */
  readonly token: string | null;
  /** What became of it: `12 rows deleted`. */
  readonly outcome: string;
  /** Choice and outcome in one line. */
  readonly summary: string;
  /** Id of the backup that keeps what went. */
  readonly receipt: string | null;
}

export function describeOperation(operation: Operation): OperationWords {
  const { plan, result } = operation;
  const scopes = list(field(plan, "scopes")).map(String);
  const outcome = describeOutcome(operation);
  return {
    choice: describeChoice(operation),
    token: text(field(plan, "token")) ?? null,
    outcome,
    summary: scopes.length > 0 ? [scopes.join(", "), ...(outcome === "–" ? [] : [outcome])].join(": ") : outcome,
    receipt: text(field(result, "receipt")) ?? text(field(field(result, "backup"), "id")) ?? null,
  };
}

function describeChoice({ kind, plan }: Operation): string | null {
  const chosen = [...list(field(plan, "scopes")), ...list(field(plan, "namedTables"))].map(String);
  const tables = list(field(plan, "tables"));
  if (field(plan, "kind") === "rows") {
    const reasons = new Set(tables.flatMap((one) => text(field(one, "reason")) ?? []));
    return [chosen.join(", "), ...reasons].filter(Boolean).join("; ") || null;
  }
  if (chosen.length > 0) return chosen.join(", ");
  const named = text(field(plan, "backup")) ?? text(field(plan, "receipt")) ?? text(field(plan, "file"));
  if (named !== undefined) return named;
  if (kind === "sequences reset") {
    const all = tables.length > 0 ? tables.map(String).join(", ") : "all sequences";
    return field(plan, "rewind") === true ? `${all}, back too` : all;
  }
  return null;
}

function describeOutcome({ plan, result }: Operation): string {
  const tables = list(field(result, "tables"));
  const moved = list(field(result, "sequences")).filter((one) => field(one, "state") === "done").length;
  const deleted = sum(tables, "rowsDeleted");
  const detached = sum(list(field(result, "detached")), "rowsChanged");
  const reset = sum(list(field(result, "resets")), "rowsChanged");
  const restored = Number(field(result, "rows")) || 0;
  const inserted = sum(list(field(result, "inserted")), "rows");
  const parts = [
    ...(deleted > 0 ? [`${plural(deleted, "row")} deleted`] : []),
    ...(reset > 0 ? [`${plural(reset, "row")} reset`] : []),
    ...(detached > 0 ? [`${plural(detached, "row")} detached`] : []),
    ...(restored > 0 ? [`${plural(restored, "row")} of ${text(field(plan, "backup")) ?? "a backup"} restored`] : []),
    ...(inserted > 0 ? [`${plural(inserted, "row")} inserted`] : []),
    ...(moved > 0 ? [`${plural(moved, "sequence")} moved`] : []),
  ];
  if (parts.length > 0) return parts.join(", ");
  return text(field(result, "summary")) ?? (tables.length > 0 ? "no row was there" : "–");
}

/** A plan or result in full, a line for each value, or for each item of a list of small things. */
export function valueLines(value: unknown, indent = ""): string[] {
  if (typeof value !== "object" || value === null) return [`${indent}${scalar(value)}`];
  return Object.entries(value).flatMap(([name, item]: [string, unknown]) => {
    if (typeof item !== "object" || item === null) return [`${indent}${name}: ${scalar(item)}`];
    if (Object.keys(item).length === 0) return [`${indent}${name}: none`];
    if (!Array.isArray(item)) return [`${indent}${name}:`, ...valueLines(item, `${indent}  `)];
    return [`${indent}${name}:`, ...item.map((one: unknown) => `${indent}  - ${inline(one)}`)];
  });
}

function inline(value: unknown): string {
  if (typeof value !== "object" || value === null) return scalar(value);
  if (Array.isArray(value)) return value.map(inline).join(", ") || "none";
  return Object.entries(value)
    .map(([name, item]: [string, unknown]) => `${name} ${inline(item)}`)
    .join(", ");
}

function scalar(value: unknown): string {
  return value === null || value === undefined ? "–" : String(value);
}

function sum(items: readonly unknown[], name: string): number {
  return items.reduce<number>((total, item) => total + (Number(field(item, name)) || 0), 0);
}
