import type { ColumnDef } from "libpg-query";
import { formatName } from "../db/identifier.js";
import { effectsOfFile } from "./effects.js";
import type { TableModel } from "./model.js";
import { stringsIn } from "./names.js";
import { perFile } from "./per-file.js";
import type { LintHit, LintRule } from "./rule.js";
import { backfillInPieces, notNullInSteps, sqlColumn, sqlName, sqlType } from "./sql.js";
import { type Alteration, addedColumnsOf, alterationsOf, constraintIn, constraintsIn } from "./tree.js";
import { isSerial } from "./type-name.js";

const setNotNull: LintRule = {
  id: "set-not-null",
  topic: "locks",
  severity: "error",
  title: "SET NOT NULL that has to read the whole table",
  why: [
    "ALTER TABLE holds an AccessExclusiveLock while it reads every row to be sure that none is NULL: nobody reads or writes the table meanwhile.",
    "Where a validated CHECK (column IS NOT NULL) proves it, PostgreSQL does not read the rows.",
  ],
  safer:
    "Add CHECK (column IS NOT NULL) as NOT VALID, VALIDATE it in the next migration (which lets reads and writes go on), then SET NOT NULL and drop the CHECK.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
    good: [
      "ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;",
      "ALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;\nALTER TABLE users ALTER COLUMN email SET NOT NULL;\nALTER TABLE users DROP CONSTRAINT users_email_not_null;",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) => [
    ...alterationsOf(statement, context).flatMap((alteration) =>
      columnsMadeNotNull(alteration)
        .filter((column) => !isProvenNotNull(alteration.model, column))
        .map((column): LintHit => {
          const { table, command } = alteration;
          const message = `making ${column} NOT NULL reads all of ${formatName(table)} while nobody can use it`;
          return {
            message,
            table,
            location: constraintIn(command.def)?.location,
            saferSql: notNullInSteps(table, column),
          };
        }),
    ),
    ...addedColumnsOf(statement, context)
      .filter(({ column }) => isVirtualNotNull(column))
      .map(({ name, table, column }) => ({
        message: `ADD COLUMN ${name} computes it for each row of ${formatName(table)}, to be sure that it is not NULL, while nobody can use it`,
        table,
        location: column.location,
      })),
  ],
};

function isVirtualNotNull({ constraints }: ColumnDef): boolean {
  const all = constraintsIn(constraints);
  return (
    all.some(({ contype }) => contype === "CONSTR_NOTNULL") &&
    all.some(({ contype, generated_kind: kind }) => contype === "CONSTR_GENERATED" && kind === "v")
  );
}

/** By SET NOT NULL, by PostgreSQL 18's NOT NULL as a constraint of the table, or by a primary key of an index that is there. */
function columnsMadeNotNull({ command, model }: Alteration): readonly string[] {
  if (command.subtype === "AT_SetNotNull" && command.name !== undefined) return [command.name];
  const constraint = command.subtype === "AT_AddConstraint" ? constraintIn(command.def) : undefined;
  if (constraint?.contype === "CONSTR_NOTNULL") return constraint.skip_validation ? [] : stringsIn(constraint.keys);
  if (constraint?.contype !== "CONSTR_PRIMARY" || constraint.indexname === undefined) return [];
  const index = model?.indexes.find(({ name }) => name.name === constraint.indexname);
  return (index?.columns ?? []).flatMap((column) => column ?? []);
}

function isProvenNotNull(model: TableModel | undefined, column: string): boolean {
  if (model?.columns.find(({ name }) => name === column)?.isNotNull) return true;
  return (model?.constraints ?? []).some(
    ({ kind, isValidated, expression }) =>
      kind === "check" && isValidated && expression !== undefined && saysNotNull(expression, column),
  );
}

/** `email IS NOT NULL`, also among others that are joined by AND, and as `pg_get_constraintdef` writes it. */
function saysNotNull(expression: string, column: string): boolean {
  if (/\bor\b/i.test(expression)) return false;
  const names = expression.matchAll(/(?:^|[(\s])("(?:[^"]|"")+"|[\w$\u0080-\uffff]+)\)*\s+is\s+not\s+null\b/gi);
  return [...names].some(([before, name = ""]) => {
    const isNegated = /\bnot\s*\(*$/i.test(expression.slice(0, expression.indexOf(before)));
    const plain = name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();
    return plain === column && !isNegated;
  });
}

const notNullNoDefault: LintRule = {
  id: "add-column-not-null-no-default",
  topic: "compatibility",
  severity: "error",
  title: "ADD COLUMN … NOT NULL without a default",
  why: [
    "On a table with rows it fails with 23502, since the new column is NULL in each of them. On an empty one it succeeds, and then every INSERT of the release before, which does not know the column, fails.",
  ],
  safer:
    "Give it a default that is a constant (which rewrites nothing), or add it as NULL, fill it in pieces, and make it NOT NULL in steps.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN name text NOT NULL;",
    good: ["ALTER TABLE users ADD COLUMN name text NOT NULL DEFAULT '';"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    addedColumnsOf(statement, context).flatMap(({ column, name, table }): readonly LintHit[] => {
      const constraints = constraintsIn(column.constraints);
      const isNotNull = constraints.some(({ contype }) => contype === "CONSTR_NOTNULL" || contype === "CONSTR_PRIMARY");
      const hasValue = constraints.some(
        ({ contype, raw_expr: value }) =>
          contype === "CONSTR_IDENTITY" ||
          contype === "CONSTR_GENERATED" ||
          (contype === "CONSTR_DEFAULT" && !(value && "A_Const" in value && value.A_Const.isnull)),
      );
      if (!isNotNull || hasValue || isSerial(column.typeName)) return [];
      const message = `ADD COLUMN ${name} NOT NULL without a default fails when ${formatName(table)} has rows`;
      const saferSql = [
        `ALTER TABLE ${sqlName(table)} ADD COLUMN ${sqlColumn(name)} ${sqlType(column.typeName)};`,
        backfillInPieces(table, name, "…"),
        "-- in later migrations:",
        notNullInSteps(table, name),
      ].join("\n");
      return [{ message, table, location: column.location, saferSql }];
    }),
};

const dropDefault: LintRule = {
  id: "drop-default-of-not-null",
  topic: "compatibility",
  severity: "warning",
  title: "DROP DEFAULT of a column that must not be NULL",
  why: [
    "Every INSERT that leaves the column out fails with 23502 from the commit on. That is what the running release does when it does not know the column, or counts on the default.",
  ],
  safer: "Keep the default until every release that runs gives the column a value itself.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, locale text NOT NULL DEFAULT 'en');",
    bad: "ALTER TABLE users ALTER COLUMN locale DROP DEFAULT;",
    good: ["ALTER TABLE users ALTER COLUMN locale SET DEFAULT 'de';"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    alterationsOf(statement, context).flatMap(({ command, table, model }): readonly LintHit[] => {
      const column = model?.columns.find(({ name }) => name === command.name);
      if (command.subtype !== "AT_ColumnDefault" || command.def !== undefined) return [];
      if (!column?.isNotNull || !column.hasDefault) return [];
      const isNew = madeColumns(context).has(`${formatName(table)}.${column.name}`);
      const whose = isNew ? "of the release before, which does not know it," : "that leaves it out";
      const message = `${formatName(table)}.${column.name} must not be NULL: without its default, an INSERT ${whose} fails`;
      return [{ message, table, ...(isNew ? { severity: "error" } : {}) }];
    }),
};

/** The columns that the file adds, as `users.locale`. */
const madeColumns = perFile(
  (context) =>
    new Set(
      (effectsOfFile(context).byKind.get("column") ?? []).flatMap(({ effect: { action, label } }) =>
        action === "create" ? [label] : [],
      ),
    ),
);

export const notNullRules: readonly LintRule[] = [setNotNull, notNullNoDefault, dropDefault];
