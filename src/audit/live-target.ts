import { formatName, isSameName, parseName, type QualifiedName } from "../db/identifier.js";
import type { TableFacts } from "../db/schema.js";
import type { ContainerAnswer } from "./live-protocol.js";

export interface TypedColumn {
  readonly name: string;
  /** As `format_type` spells it. */
  readonly type: string;
}

/** A table that a container can be held against. */
export interface ComparedTable {
  readonly table: QualifiedName;
  /** What names a row. */
  readonly key: readonly TypedColumn[];
  readonly columns: ReadonlyMap<string, TypedColumn>;
  readonly versionColumn: string | undefined;
  readonly epochColumn: string | undefined;
}

export type Target = { readonly target: ComparedTable } | { readonly because: string };

/** The table that a container says it is written to, or why nothing can be compared. Only what this database has counts. */
export function findTarget(container: ContainerAnswer, tables: readonly TableFacts[]): Target {
  const name = readName(container.table ?? "");
  if (name === undefined) return { because: `${JSON.stringify(container.table)} is no name of a table` };
  const found = tables.find((table) => isSameName(table, name));
  if (found === undefined) return { because: `this database has no table ${formatName(name)}` };
  const columns = new Map(found.columns.map(({ name: column, type }) => [column, { name: column, type }]));
  const keyNames = container.key ?? found.primaryKey;
  const key = keyNames.flatMap((column) => columns.get(column) ?? []);
  if (keyNames.length === 0) return { because: `${formatName(name)} has no primary key, and the server names no key` };
  const missing = keyNames.filter((column) => !columns.has(column));
  if (missing.length > 0) return { because: `${formatName(name)} has no column ${missing.join(", ")}` };
  return { target: { table: name, key, columns, ...findMarks(container, columns) } };
}

function readName(text: string): QualifiedName | undefined {
  try {
    return parseName(text);
  } catch {
    // Not what a person typed: why it is none is said where it is used.
    return undefined;
  }
}

/**
 * Where a row says who wrote it, and as which change. Without a word from the server: `epoch` or `owner_epoch`, and
 * `version` beside one of them, since versions alone may begin again with each start.
 */
function findMarks(
  { versionColumn, epochColumn }: ContainerAnswer,
  columns: ReadonlyMap<string, TypedColumn>,
): Pick<ComparedTable, "versionColumn" | "epochColumn"> {
  const epoch = epochColumn === undefined ? ["epoch", "owner_epoch"].find(isThere) : (epochColumn ?? undefined);
  const version =
    versionColumn === undefined ? ["version"].find((one) => epoch !== undefined && isThere(one)) : versionColumn;
  return {
    versionColumn: version !== null && version !== undefined && isThere(version) ? version : undefined,
    epochColumn: epoch !== undefined && isThere(epoch) ? epoch : undefined,
  };

  function isThere(column: string): boolean {
    return columns.has(column);
  }
}
