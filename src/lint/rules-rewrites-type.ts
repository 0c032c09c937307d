import type { ColumnDef } from "libpg-query";
import { formatName } from "../db/identifier.js";
import type { TableModel } from "./model.js";
import { stringsIn } from "./names.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlColumn, sqlName, sqlObjectName, sqlType } from "./sql.js";
import { type Alteration, alterationsOf, columnIn } from "./tree.js";
import { type TypeChange, typeChange } from "./type-change.js";
import { formatTypeName } from "./type-name.js";

const alterColumnType: LintRule = {
  id: "alter-column-type",
  topic: "locks",
  severity: "error",
  title: "ALTER COLUMN … TYPE that rewrites the table",
  why: [
    "ALTER TABLE holds an AccessExclusiveLock: nobody reads or writes the table until every row and every index of it is written anew.",
    "Only changes that touch no stored byte are free: varchar to text or to a longer varchar, numeric to more digits of the same scale, cidr to inet, timestamp to timestamptz in a session with TimeZone UTC (as those of roomctl are).",
  ],
  safer:
    "Add a column of the new type, let the application (or a trigger) write both, fill the old rows in pieces, and swap the names in a later release.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, points integer, name varchar(50));",
    bad: "ALTER TABLE users ALTER COLUMN points TYPE bigint;",
    good: ["ALTER TABLE users ADD COLUMN points_new bigint;", "ALTER TABLE users ALTER COLUMN name TYPE text;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    typeAlterations(statement, context).flatMap(({ effect, table, column, name, from, to }): readonly LintHit[] => {
      if (effect !== "rewrite" && effect !== "unknown") return [];
      const isCertain = effect === "rewrite";
      const what = `${name} ${from === undefined ? "" : `from ${from} `}to ${to}`;
      const message = `changing ${what} ${isCertain ? "rewrites" : "may rewrite"} ${formatName(table)}`;
      const saferSql = newColumn({ table, column, name });
      return [{ message, table, location: column.location, saferSql, ...(isCertain ? {} : { severity: "warning" }) }];
    }),
};

interface TypeAlteration extends Alteration {
  readonly column: ColumnDef;
  readonly name: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly effect: TypeChange;
}

function typeAlterations(statement: LintStatement, context: LintContext): readonly TypeAlteration[] {
  return alterationsOf(statement, context).flatMap((alteration) => {
    const { command, model } = alteration;
    const column = command.subtype === "AT_AlterColumnType" ? columnIn(command.def) : undefined;
    const name = command.name;
    if (column === undefined || name === undefined) return [];
    const from = model?.columns.find((one) => one.name === name)?.type;
    const to = formatTypeName(column.typeName);
    return [{ ...alteration, column, name, from, to, effect: effectOf({ column, name, from, to }) }];
  });
}

type Change = Pick<TypeAlteration, "column" | "name" | "from" | "to">;

function effectOf({ column, name, from, to }: Change): TypeChange {
  if (column.raw_default !== undefined && !isPlain(column.raw_default, { name, to })) return "rewrite";
  if (from === undefined) return "unknown";
  const effect = typeChange(from, to);
  return effect === "nothing" && column.collClause !== undefined ? "indexes" : effect;
}

/** `USING a` and `USING a::newtype` say no more than the change itself. */
function isPlain(
  using: ColumnDef["raw_default"],
  { name, to }: { readonly name: string; readonly to: string },
): boolean {
  if (using === undefined) return true;
  if ("ColumnRef" in using) return stringsIn(using.ColumnRef.fields).at(-1) === name;
  if (!("TypeCast" in using)) return false;
  return formatTypeName(using.TypeCast.typeName) === to && isPlain(using.TypeCast.arg, { name, to });
}

interface NewColumn {
  readonly table: TypeAlteration["table"];
  readonly column: ColumnDef;
  readonly name: string;
}

function newColumn({ table, column, name }: NewColumn): string {
  const added = sqlColumn(sqlObjectName(name, "new"));
  return [
    `ALTER TABLE ${sqlName(table)} ADD COLUMN ${added} ${sqlType(column.typeName)};`,
    `-- then write both columns, fill ${added} in pieces, and swap the names in a later release`,
  ].join("\n");
}

const typeRebuild: LintRule = {
  id: "alter-column-type-rebuild",
  topic: "locks",
  severity: "error",
  title: "ALTER COLUMN … TYPE that keeps the rows but reads them all",
  why: [
    "The rows stay as they are, but an index whose operator class changes with the type (or that has a predicate or an expression) is built anew, and a CHECK that names the column is checked again for each row: all under ALTER TABLE's AccessExclusiveLock, which stops reads and writes.",
  ],
  safer:
    "Drop the index or the CHECK in an earlier migration, change the type, then create the index CONCURRENTLY and add the CHECK as NOT VALID, to be validated later.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, seen timestamp);\nCREATE INDEX users_seen_idx ON users (seen);",
    bad: "ALTER TABLE users ALTER COLUMN seen TYPE timestamptz;",
    good: [
      "DROP INDEX CONCURRENTLY users_seen_idx;",
      "ALTER TABLE users ALTER COLUMN seen TYPE timestamptz;",
      "CREATE INDEX CONCURRENTLY users_seen_idx ON users (seen);",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    typeAlterations(statement, context).flatMap(
      ({ effect, table, model, column, name, from, to }): readonly LintHit[] => {
        if ((effect !== "nothing" && effect !== "indexes") || model === undefined) return [];
        const rebuilt = [...rebuiltIndexes(model, name, effect), ...recheckedConstraints(model, name)];
        const possible = opaqueIndexes(model, name);
        if (rebuilt.length + possible.length === 0) return [];
        const change = `changing ${name} from ${from} to ${to} reads all of ${formatName(table)}`;
        return rebuilt.length > 0
          ? [{ message: `${change} for ${rebuilt.join(", ")}`, table, location: column.location }]
          : [
              {
                message: `${change}, if the expression or predicate of ${possible.join(", ")} has that column`,
                table,
                location: column.location,
                severity: "info",
              },
            ];
      },
    ),
};

/** As CheckIndexCompatible of indexcmds.c: an index with a predicate or an expression is never kept. */
function rebuiltIndexes(model: TableModel, column: string, effect: TypeChange): readonly string[] {
  return model.indexes
    .filter(({ columns, isPartial }) => {
      const hasExpression = columns.includes(undefined);
      return columns.includes(column) && (effect === "indexes" || isPartial || hasExpression);
    })
    .map(({ name }) => `index ${name.name}`);
}

/** Indexes with an expression or a predicate, of which the model does not know whether it names the column. */
function opaqueIndexes(model: TableModel, column: string): readonly string[] {
  return model.indexes
    .filter(({ columns, isPartial }) => !columns.includes(column) && (isPartial || columns.includes(undefined)))
    .map(({ name }) => `index ${name.name}`);
}

function recheckedConstraints(model: TableModel, column: string): readonly string[] {
  return model.constraints
    .filter(({ kind, isValidated, columns }) => kind === "check" && isValidated && columns.includes(column))
    .map(({ name }) => `CHECK ${name ?? ""}`.trim());
}

export const typeRewriteRules: readonly LintRule[] = [alterColumnType, typeRebuild];
