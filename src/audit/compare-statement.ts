import { quoteIdentifier, quoteLiteral, quoteName } from "../db/identifier.js";
import { loadStatement } from "../db/statement.js";
import type { ComparedTable, TypedColumn } from "./live-target.js";

/** The statement that holds rows with exactly these columns, keys among them, against the table. */
export function compareStatement(target: ComparedTable, columns: readonly TypedColumn[]): string {
  const { table, key, versionColumn, epochColumn } = target;
  const aliases = new Map(columns.map(({ name }, index) => [name, `memory.c${index}`]));
  const aliasOf = ({ name }: TypedColumn) => aliases.get(name) ?? "NULL";
  const compared = columns.filter((column) => !key.includes(column));
  return fill("audit/live-compare", {
    memoryKey: keyText(key.map(aliasOf)),
    version: markOf(versionColumn),
    epoch: markOf(epochColumn),
    fields: compared
      .map((column) => `,\n                                ${fieldRow(column, aliasOf(column))}`)
      .join(""),
    definitions: columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", "),
    aliases: columns.map((_, index) => `c${index}`).join(", "),
    table: quoteName(table),
    join: key.map((column) => `${storedColumn(column)} = ${aliasOf(column)}`).join(" AND "),
  });
}

/** Puts text where a statement of ours has braces. */
export function fill(name: string, parts: Readonly<Record<string, string>>): string {
  // A function, because `$1` in a replacement text would be read as a pattern.
  return loadStatement(name).replace(/\{(\w+)\}/g, (_, part: string) => parts[part] ?? "");
}

/** Equal keys have equal texts, on both sides: a JSON array of the values. */
export function keyText(values: readonly string[]): string {
  return `jsonb_build_array(${values.join(", ")})::text`;
}

export function storedColumn({ name }: TypedColumn): string {
  return `stored.${quoteIdentifier(name)}`;
}

function markOf(column: string | undefined): string {
  return column === undefined ? "NULL::text" : `stored.${quoteIdentifier(column)}::text`;
}

function fieldRow(column: TypedColumn, memory: string): string {
  const stored = storedColumn(column);
  return `(${quoteLiteral(column.name)}, to_jsonb(${memory}), to_jsonb(${stored}), ${sameness(column, memory, stored)})`;
}

/** Infinite moments have no distance. */
function sameness({ type }: TypedColumn, memory: string, stored: string): string {
  if (!type.startsWith("timestamp")) return `to_jsonb(${memory}) IS NOT DISTINCT FROM to_jsonb(${stored})`;
  return `CASE WHEN isfinite(${memory}) AND isfinite(${stored})
            THEN abs(extract(epoch FROM ${memory} - ${stored})) * 1000 <= tolerance.ms
            ELSE ${memory} IS NOT DISTINCT FROM ${stored} END`;
}
