import type { ColumnDef, Constraint, RangeVar } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import { keyOf, memberKey, relationKey } from "./effects-name.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext } from "./rule.js";
import { constraintsIn } from "./tree.js";

/** A column or constraint by its key, with what takes it along when it goes. */
export interface Part {
  readonly key: string;
  readonly dependsOn: readonly string[];
}

/** A new column and the constraints in its definition, by the names that PostgreSQL gives them. */
export function columnParts(column: ColumnDef, table: QualifiedName, context: LintContext): readonly Part[] {
  const name = column.colname ?? "";
  const key = memberKey("column", table, name);
  const type = stringsIn(column.typeName?.names);
  const own = type[0] === "pg_catalog" ? [] : [typeKey(nameFromParts(type), context)];
  const constraints = constraintsIn(column.constraints).flatMap((one) =>
    constraintPart(one, table, { context, columns: [name] }),
  );
  return [{ key, dependsOn: [relationKey(table), ...own] }, ...constraints];
}

export interface PartOptions {
  readonly context: LintContext;
  /** The column in whose definition it stands. */
  readonly columns?: readonly string[];
}

/** A constraint that can be dropped by its name; nothing for defaults, NOT NULL and the like. */
export function constraintPart(
  constraint: Constraint,
  table: QualifiedName,
  { context, columns }: PartOptions,
): readonly Part[] {
  const name = constraintName(constraint, table, columns);
  if (name === undefined) return [];
  const parent: RangeVar | undefined = constraint.pktable;
  const others = parent === undefined ? [] : [relationKey(context.model.resolve(parent))];
  const own = (columns ?? columnsOf(constraint)).map((column) => memberKey("column", table, column));
  return [{ key: memberKey("constraint", table, name), dependsOn: [relationKey(table), ...own, ...others] }];
}

/** The name that is given, or the one that PostgreSQL makes up first: ChooseConstraintName, ChooseIndexName. */
function constraintName(
  constraint: Constraint,
  { name: table }: QualifiedName,
  columns: readonly string[] = columnsOf(constraint),
): string | undefined {
  const ending = endings[constraint.contype ?? ""];
  if (ending === undefined || constraint.conname !== undefined) return constraint.conname;
  return ending === "pkey" ? `${table}_pkey` : [table, ...columns, ending].join("_");
}

const endings: Readonly<Record<string, string>> = {
  CONSTR_PRIMARY: "pkey",
  CONSTR_UNIQUE: "key",
  CONSTR_CHECK: "check",
  CONSTR_FOREIGN: "fkey",
  CONSTR_EXCLUSION: "excl",
};

function columnsOf({ keys, fk_attrs: foreign }: Constraint): readonly string[] {
  return stringsIn(keys ?? foreign);
}

function typeKey(written: { readonly schemaname?: string; readonly relname?: string }, context: LintContext): string {
  const { schema, name } = context.model.resolve(written);
  return keyOf("type", schema, name);
}
