import type { AppDefinition, TableShape } from "../core/catalogue.js";
import { formatName, isSameName, parseName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { AuditTable } from "./facts.js";
import type { Finding } from "./finding.js";

/** How a table differs from what the app relies on. Columns that the app does not name are nobody's concern. */
export interface ShapeDifference {
  readonly missing: readonly ExpectedColumn[];
  readonly retyped: readonly (ExpectedColumn & { readonly actual: string })[];
}

interface ExpectedColumn {
  readonly column: string;
  readonly type: string;
}

/** The shape that the app expects of a table, if it says. */
export function findShape(app: AppDefinition, table: QualifiedName): TableShape | undefined {
  return Object.entries(app.shapes).find(([name]) => isSameName(parseName(name), table))?.[1];
}

export function compareShape(table: AuditTable, shape: TableShape): ShapeDifference {
  const actual = new Map(table.columns.map(({ name, type }) => [name, type]));
  const expected = Object.entries(shape).map(([column, type]) => ({ column, type }));
  return {
    missing: expected.filter(({ column }) => !actual.has(column)),
    retyped: expected.flatMap(({ column, type }) => {
      const found = actual.get(column);
      return found === undefined || found === type ? [] : [{ column, type, actual: found }];
    }),
  };
}

export function shapeFindings(table: AuditTable, shape: TableShape): readonly Finding[] {
  const { missing, retyped } = compareShape(table, shape);
  const [name, quoted] = [formatName(table), quoteName(table)];
  return [
    ...missing.map(
      ({ column, type }): Finding => ({
        id: "column-missing",
        severity: "error",
        subject: `${name}.${column}`,
        title: `${name} has no column ${column}`,
        why: "the app reads and writes it: its statements fail",
        hint: `roomctl migrate, or: ALTER TABLE ${quoted} ADD COLUMN ${quoteIdentifier(column)} ${type};`,
      }),
    ),
    ...retyped.map(
      ({ column, type, actual }): Finding => ({
        id: "column-type",
        severity: familyOf(type) === familyOf(actual) ? "warning" : "error",
        subject: `${name}.${column}`,
        title: `${name}.${column} is ${actual}, the app expects ${type}`,
        why: "values may be refused, cut or read as something else",
        hint: `ALTER TABLE ${quoted} ALTER COLUMN ${quoteIdentifier(column)} TYPE ${type} USING ${quoteIdentifier(column)}::${type}; (rewrites the table: read migrate's locks first)`,
      }),
    ),
  ];
}

/** Types that take each other's values, most of the time. */
function familyOf(type: string): string {
  if (/^(text|character|citext)/.test(type)) return "text";
  if (/^(smallint|integer|bigint|numeric)/.test(type)) return "whole number";
  if (/^(real|double precision)/.test(type)) return "fraction";
  if (/^timestamp/.test(type)) return "timestamp";
  if (/^jsonb?$/.test(type)) return "json";
  return type;
}
