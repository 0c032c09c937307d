import { field, list, text } from "../core/recorded.js";
import { type Operation, readOperations } from "../db/operations.js";
import type { Queryable } from "../db/pool.js";

/** What `roomctl.operations` says of a wipe, whichever release wrote it. Table names are written as SQL needs them. */
export interface WipeRecord extends Pick<Operation, "finishedAt" | "role" | "osUser" | "host"> {
  /** Its row in `roomctl.operations`. */
  readonly operation: number;
  /** The backup that holds what went; null when none was taken. */
  readonly receipt: string | null;
  readonly kind: "tables" | "rows";
  /** For people: the scopes, or what else chose the rows. */
  readonly choice: string;
  readonly tables: readonly DeletedFrom[];
  readonly resets: readonly ResetColumn[];
  readonly detached: readonly DetachedColumns[];
  readonly undos: readonly UndoRecord[];
}

interface DeletedFrom {
  readonly table: string;
  readonly rowsDeleted: number;
}

interface ResetColumn {
  readonly table: string;
  readonly column: string;
  /** The SQL expression that the column was put to. */
  readonly value: string;
  readonly rowsChanged: number;
}

/** Columns of a foreign key whose ON DELETE put them to null, or to their default. */
interface DetachedColumns {
  readonly table: string;
  readonly columns: readonly string[];
  readonly onDelete: "SET NULL" | "SET DEFAULT";
  readonly rowsChanged: number;
}

interface UndoRecord {
  readonly operation: number;
  readonly finishedAt: Date;
  /** False when conflicts kept some rows out. */
  readonly isComplete: boolean;
  /** Tables that got rows back. */
  readonly restored: readonly string[];
}

/** Every wipe of this database that is written down, the newest first, each with its undos. */
export async function readWipeRecords(queryable: Queryable): Promise<readonly WipeRecord[]> {
  const operations = await readOperations(queryable, null, ["wipe", "wipe undo"]);
  const undos = operations.filter(({ kind }) => kind === "wipe undo");
  return operations.filter(({ kind }) => kind === "wipe").map((wipe) => readRecord(wipe, undos));
}

/** What can still be done about a wipe. Whether its backup is sound only shows when it is read. */
export type ReceiptState = "undoable" | "undone" | "partly undone" | "backup missing" | "no backup was taken";

/** `stored` are the ids in the repository. */
export function receiptState({ receipt, undos }: WipeRecord, stored: readonly string[]): ReceiptState {
  if (undos.some(({ isComplete }) => isComplete)) return "undone";
  if (receipt === null) return "no backup was taken";
  if (!stored.includes(receipt)) return "backup missing";
  return undos.length > 0 ? "partly undone" : "undoable";
}

function readRecord(wipe: Operation, undos: readonly Operation[]): WipeRecord {
  const { id, finishedAt, role, osUser, host, plan, result } = wipe;
  const changed = (name: string, table: unknown, column: unknown) => {
    const entries = list(field(result, name));
    const isSame = (one: unknown) =>
      field(one, "table") === table &&
      JSON.stringify(field(one, "column") ?? field(one, "columns")) === JSON.stringify(column);
    return Number(field(entries.find(isSame), "rowsChanged")) || 0;
  };
  return {
    ...{ operation: id, finishedAt, role, osUser, host },
    receipt: text(field(result, "receipt")) ?? null,
    kind: field(plan, "kind") === "rows" ? "rows" : "tables",
    choice: describeChoice(plan),
    tables: list(field(result, "tables")).map((one) => ({
      table: String(field(one, "table")),
      rowsDeleted: Number(field(one, "rowsDeleted")) || 0,
    })),
    resets: list(field(plan, "resets")).map((one) => ({
      table: String(field(one, "table")),
      column: String(field(one, "column")),
      value: String(field(one, "value")),
      rowsChanged: changed("resets", field(one, "table"), field(one, "column")),
    })),
    detached: list(field(plan, "detached")).map((one) => ({
      table: String(field(one, "table")),
      columns: list(field(one, "columns")).map(String),
      onDelete: field(one, "onDelete") === "SET DEFAULT" ? "SET DEFAULT" : "SET NULL",
      rowsChanged: changed("detached", field(one, "table"), field(one, "columns")),
    })),
    undos: undos.filter((undo) => field(undo.plan, "wipe") === id).map(readUndo),
  };
}

function readUndo({ id, finishedAt, result }: Operation): UndoRecord {
  const restored = list(field(result, "tables")).filter((one) => Number(field(one, "restored")) > 0);
  return {
    operation: id,
    finishedAt,
    isComplete: field(result, "isComplete") === true,
    restored: restored.map((one) => String(field(one, "table"))),
  };
}

function describeChoice(plan: unknown): string {
  const tables = list(field(plan, "tables"));
  const reasons = new Set(tables.map((one) => text(field(one, "reason")) ?? ""));
  const chosen = [...list(field(plan, "scopes")), ...list(field(plan, "namedTables"))].map(String);
  if (field(plan, "kind") === "rows" && reasons.size > 0) return [...reasons].join("; ");
  return chosen.length > 0 ? chosen.join(", ") : tables.map((one) => String(field(one, "table"))).join(", ");
}
