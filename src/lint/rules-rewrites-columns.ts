import type { ColumnDef, Constraint } from "libpg-query";
import { formatName, quoteLiteral } from "../db/identifier.js";
import type { LintHit, LintRule, LintStatement } from "./rule.js";
import { backfillInPieces, notNullInSteps, sqlColumn, sqlName, sqlObjectName, sqlType } from "./sql.js";
import { type AddedColumn, addedColumnsOf, alterationsOf, constraintsIn } from "./tree.js";
import { clauseAt } from "./tree-text.js";
import { isSerial } from "./type-name.js";
import { volatileCallIn } from "./volatility.js";

const rewriteFact =
  "ALTER TABLE holds an AccessExclusiveLock: nobody reads or writes the table until every row and every index of it is written anew, and the transaction commits. It needs room on disk for a second copy.";

const volatileDefault: LintRule = {
  id: "add-column-volatile-default",
  topic: "locks",
  severity: "error",
  title: "ADD COLUMN with a default that is computed for each row",
  why: [
    "A default that PostgreSQL can compute once (a constant, now()) is only noted in the catalog. A volatile one (clock_timestamp(), random(), gen_random_uuid(), nextval()) has another value in each row, so the table is rewritten.",
    rewriteFact,
  ],
  safer: "Add the column without the default, set the default for new rows, and fill the old ones in pieces.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
    good: [
      "ALTER TABLE users ADD COLUMN token uuid;\nALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    return addedColumnsOf(statement, context).flatMap((added): readonly LintHit[] => {
      const constraint = constraintOfKind(added.column, "CONSTR_DEFAULT");
      const found = volatileCallIn(constraint?.raw_expr, context);
      if (constraint === undefined || found === undefined) return [];
      const { table, name } = added;
      const verb = found.isCertain ? "rewrites" : "may rewrite";
      return [
        {
          message: `ADD COLUMN ${name} ${verb} ${formatName(table)}: ${found.call} is ${found.isCertain ? "volatile" : "not known, and volatile unless its definition says otherwise"}`,
          table,
          location: added.column.location,
          saferSql: inSteps(added, defaultText(statement, { column: added.column, constraint })),
          ...(found.isCertain ? {} : { severity: "warning" as const }),
        },
      ];
    });
  },
};

function constraintOfKind(column: ColumnDef, kind: Constraint["contype"]): Constraint | undefined {
  return constraintsIn(column.constraints).find(({ contype }) => contype === kind);
}

interface Default {
  readonly column: ColumnDef;
  readonly constraint: Constraint;
}

/** What stands after DEFAULT, up to the next constraint of the column. */
function defaultText(statement: LintStatement, { column, constraint }: Default): string | undefined {
  const { location = 0 } = constraint;
  const later = constraintsIn(column.constraints).flatMap((one) =>
    (one.location ?? 0) > location ? [one.location ?? 0] : [],
  );
  const end = later.length > 0 ? Math.min(...later) : undefined;
  return clauseAt(statement, { location, end })?.replace(/^default\s+/i, "");
}

/** The same column by way of NULL. */
function inSteps({ table, name, column }: AddedColumn, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const on = `ALTER TABLE ${sqlName(table)}`;
  return [
    `${on} ADD COLUMN ${sqlColumn(name)} ${sqlType(column.typeName)};`,
    `${on} ALTER COLUMN ${sqlColumn(name)} SET DEFAULT ${value};`,
    backfillInPieces(table, name, value),
    ...(isNotNull(column) ? ["-- in later migrations:", notNullInSteps(table, name)] : []),
  ].join("\n");
}

function isNotNull(column: ColumnDef): boolean {
  const kinds = constraintsIn(column.constraints).map(({ contype }) => contype);
  return kinds.some((kind) => kind === "CONSTR_NOTNULL" || kind === "CONSTR_PRIMARY" || kind === "CONSTR_IDENTITY");
}

/** The same column with a sequence that is made by hand. */
function withSequence({ table, name, column, ...rest }: AddedColumn): string {
  const sequence = { schema: table.schema, name: sqlObjectName(table.name, name, "seq") };
  const type = sqlType(column.typeName);
  const value = `nextval(${quoteLiteral(sqlName(sequence))})`;
  const [add = "", ...others] = (inSteps({ table, name, column, ...rest }, value) ?? "").split("\n");
  const owned = `CREATE SEQUENCE ${sqlName(sequence)} AS ${type} OWNED BY ${sqlName(table)}.${sqlColumn(name)};`;
  return [add, owned, ...others].join("\n");
}

const serial: LintRule = {
  id: "add-column-serial",
  topic: "locks",
  severity: "error",
  title: "ADD COLUMN of a serial type",
  why: [
    "serial, bigserial and smallserial are a type with DEFAULT nextval(…): every row gets its number at once, so the table is rewritten.",
    rewriteFact,
  ],
  safer: "Add the column as NULL, with a sequence as the default of new rows, and number the old rows in pieces.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN number bigserial;",
    good: [
      "ALTER TABLE users ADD COLUMN number bigint;\nCREATE SEQUENCE users_number_seq OWNED BY users.number;\nALTER TABLE users ALTER COLUMN number SET DEFAULT nextval('users_number_seq');",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    addedColumnsOf(statement, context)
      .filter(({ column }) => isSerial(column.typeName))
      .map((added) => rewriteHit(added, { because: "each row gets a number", saferSql: withSequence(added) })),
};

function rewriteHit(
  { name, table, column }: AddedColumn,
  { because, saferSql }: { readonly because: string; readonly saferSql?: string },
): LintHit {
  const message = `ADD COLUMN ${name} rewrites ${formatName(table)}: ${because}`;
  return { message, table, location: column.location, saferSql };
}

const identity: LintRule = {
  id: "add-column-identity",
  topic: "locks",
  severity: "error",
  title: "ADD COLUMN … GENERATED AS IDENTITY",
  why: ["Every row gets its number when the column is added, so the table is rewritten.", rewriteFact],
  safer:
    "Add the column as NULL, with a sequence as the default of new rows, and number the old rows in pieces. When it is NOT NULL, drop that default and ADD GENERATED … AS IDENTITY, which changes the catalog only.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;",
    good: ["ALTER TABLE users ADD COLUMN number bigint;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    addedColumnsOf(statement, context)
      .filter(({ column }) => constraintOfKind(column, "CONSTR_IDENTITY") !== undefined)
      .map((added) => rewriteHit(added, { because: "each row gets a number", saferSql: withSequence(added) })),
};

const storedGenerated: LintRule = {
  id: "add-column-stored-generated",
  topic: "locks",
  severity: "error",
  title: "ADD COLUMN … GENERATED ALWAYS AS (…) STORED",
  why: ["The value is computed for every row and stored in it, so the table is rewritten.", rewriteFact],
  safer:
    "On PostgreSQL 18, VIRTUAL computes it when it is read, and changes the catalog only. Before, use an expression index, or an ordinary column that a trigger keeps and that is filled in pieces.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);",
    bad: "ALTER TABLE users ADD COLUMN mail text GENERATED ALWAYS AS (lower(email)) STORED;",
    good: ["ALTER TABLE users ADD COLUMN mail text GENERATED ALWAYS AS (lower(email)) VIRTUAL;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    addedColumnsOf(statement, context)
      .filter(({ column }) => constraintOfKind(column, "CONSTR_GENERATED")?.generated_kind === "s")
      .map((added) => {
        const clause = clauseAt(statement, { location: added.column.location });
        const virtual = clause?.replace(/\bstored\b(?![\s\S]*\bstored\b)/i, "VIRTUAL");
        const saferSql = virtual && `-- PostgreSQL 18:\nALTER TABLE ${sqlName(added.table)} ADD COLUMN ${virtual};`;
        return rewriteHit(added, { because: "its value is computed and stored for each row", saferSql });
      }),
};

const setExpression: LintRule = {
  id: "set-expression",
  topic: "locks",
  severity: "error",
  title: "ALTER COLUMN … SET EXPRESSION of a stored generated column",
  why: ["Every row's value is computed and stored again, so the table is rewritten.", rewriteFact],
  safer: "Add a new column with the new expression beside the old one, and let the application move to it.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text, mail text GENERATED ALWAYS AS (email) STORED);",
    bad: "ALTER TABLE users ALTER COLUMN mail SET EXPRESSION AS (lower(email));",
    good: ["ALTER TABLE users ADD COLUMN mail_lower text GENERATED ALWAYS AS (lower(email)) VIRTUAL;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    alterationsOf(statement, context)
      .filter(({ command }) => command.subtype === "AT_SetExpression")
      .map(({ command, table }) => ({
        message: `SET EXPRESSION of ${command.name} rewrites ${formatName(table)}, unless the column is VIRTUAL`,
        table,
      })),
};

export const columnRewriteRules: readonly LintRule[] = [
  volatileDefault,
  serial,
  identity,
  storedGenerated,
  setExpression,
];
