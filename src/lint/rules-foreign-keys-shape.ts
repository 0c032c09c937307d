import type { CreateStmt } from "libpg-query";
import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import { type ForeignKey, foreignKeysOf } from "./foreign-keys.js";
import { groupBy } from "./group-by.js";
import type { IndexModel } from "./model.js";
import { stringsIn } from "./names.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlColumn, sqlColumns, sqlName, sqlObjectName } from "./sql.js";
import { alterationsOf, columnIn, constraintIn, constraintsIn, nodesOf, tableOf } from "./tree.js";
import { clauseAt } from "./tree-text.js";

const withoutIndex: LintRule = {
  id: "fk-without-index",
  topic: "locks",
  severity: "warning",
  title: "A foreign key whose columns have no index",
  why: [
    "Every DELETE on the referenced table, and every UPDATE of its key, looks for rows that refer to it. Without an index that begins with the foreign key's columns it reads the whole referencing table each time, holding its locks.",
  ],
  safer: "Create the index first: CONCURRENTLY where the table is in use, in the same file where it is new.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint REFERENCES users ON DELETE CASCADE);",
    good: [
      "CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint REFERENCES users ON DELETE CASCADE);\nCREATE INDEX rooms_owner_idx ON rooms (owner);",
    ],
  },
  looksAt: ["CreateStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check: (statement, context) =>
    foreignKeysOf(statement, context)
      .filter((key) => !hasIndex(key, context))
      .map((key): LintHit => {
        const { table, columns, constraint, parent } = key;
        const isInUse = key.create === undefined && !context.model.table(table)?.isNew;
        const index = sqlColumn(sqlObjectName(table.name, ...columns, "idx"));
        return {
          message: `no index of ${formatName(table)} begins with ${columns.join(", ")}: a DELETE on ${formatName(parent)} reads all of it`,
          table,
          location: constraint.location,
          saferSql: `CREATE INDEX ${isInUse ? "CONCURRENTLY " : ""}${index} ON ${sqlName(table)} (${sqlColumns(columns)});`,
        };
      }),
};

/** In the schema before, in the same CREATE TABLE or ALTER TABLE, or in what follows in the same file. */
function hasIndex({ table, columns, create }: ForeignKey, context: LintContext): boolean {
  const here = context.statements[context.index];
  const keys = [
    ...(context.model.table(table)?.indexes ?? [])
      .filter(({ isValid, isPartial }) => isValid && !isPartial)
      .map(placesOf),
    ...(create ? keysOfTable(create) : []),
    ...(here ? alterationsOf(here, context).flatMap(({ command }) => keyIn(command.def)) : []),
    ...laterIndexes(table, context),
  ];
  return keys.some((key) => {
    const prefix = key.slice(0, columns.length);
    return prefix.length === columns.length && columns.every((column) => prefix.includes(column));
  });
}

type IndexColumns = readonly (string | undefined)[];

const placesOf = ({ columns }: IndexModel): IndexColumns => columns;

function keysOfTable({ tableElts: elements = [] }: CreateStmt): readonly IndexColumns[] {
  return elements.flatMap(keyIn);
}

/** The columns of PRIMARY KEY and UNIQUE, of a table or beside a column. */
function keyIn(node: Node | undefined): readonly IndexColumns[] {
  const isKey = (type: string | undefined) => type === "CONSTR_PRIMARY" || type === "CONSTR_UNIQUE";
  const alone = constraintIn(node);
  if (alone !== undefined) return isKey(alone.contype) ? [stringsIn(alone.keys)] : [];
  const column = columnIn(node);
  return constraintsIn(column?.constraints).some(({ contype }) => isKey(contype)) ? [[column?.colname]] : [];
}

function laterIndexes(table: QualifiedName, context: LintContext): readonly IndexColumns[] {
  const indexes = indexesOfFile(context).get(formatName(table)) ?? [];
  return indexes.filter(({ place }) => place > context.index).map(({ columns }) => columns);
}

interface MadeIndex extends TableIndex {
  readonly place: number;
}

/** The indexes that the statements of a file make, by table. */
const indexesOfFile = perFile((context) => {
  const made = context.statements.flatMap((statement, place): readonly MadeIndex[] =>
    indexesOf(statement, context).map((index) => ({ ...index, place })),
  );
  return groupBy(made, ({ table }) => [formatName(table)]);
});

interface TableIndex {
  readonly table: QualifiedName;
  readonly columns: IndexColumns;
}

function indexesOf(statement: LintStatement, context: LintContext): readonly TableIndex[] {
  const { node } = statement;
  const keys = alterationsOf(statement, context).flatMap(({ command, table }) =>
    keyIn(command.def).map((columns) => ({ table, columns })),
  );
  if (!("IndexStmt" in node) || node.IndexStmt.relation === undefined) return keys;
  const { relation, indexParams, whereClause } = node.IndexStmt;
  const columns = (indexParams ?? []).map((one) => ("IndexElem" in one ? one.IndexElem.name : undefined));
  return servesLookups(whereClause, columns) ? [{ table: tableOf(context, relation), columns }] : [];
}

/** A predicate that leaves out NULL alone: no lookup is for NULL. */
function servesLookups(predicate: Node | undefined, columns: IndexColumns): boolean {
  if (predicate === undefined) return true;
  if (!("NullTest" in predicate) || predicate.NullTest.nulltesttype !== "IS_NOT_NULL") return false;
  const names = nodesOf(predicate, "ColumnRef").map(({ fields }) => stringsIn(fields).at(-1));
  return names.every((name) => columns[0] === name);
}

const noOnDelete: LintRule = {
  id: "fk-no-on-delete",
  topic: "data",
  severity: "info",
  title: "A foreign key that does not say what a DELETE does",
  why: [
    "Without ON DELETE it is NO ACTION: deleting a referenced row fails with 23503 for as long as something refers to it. That is often right and seldom meant.",
  ],
  safer: "State it: ON DELETE CASCADE, SET NULL, RESTRICT or NO ACTION.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "CREATE TABLE rooms (owner bigint PRIMARY KEY REFERENCES users);",
    good: ["CREATE TABLE rooms (owner bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE);"],
  },
  looksAt: ["CreateStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check: (statement, context) =>
    foreignKeysOf(statement, context)
      // The tree has NO ACTION for both: only the text tells whether somebody wrote it.
      .filter(({ constraint }) => constraint.fk_del_action === "a")
      .filter(({ constraint }) => !/\bon\s+delete\b/i.test(clauseAt(statement, constraint) ?? ""))
      .map(({ table, columns, parent, constraint }) => ({
        message: `the foreign key (${columns.join(", ")}) does not say what deleting a row of ${formatName(parent)} does to ${formatName(table)}`,
        table,
        location: constraint.location,
      })),
};

export const foreignKeyShapeRules: readonly LintRule[] = [withoutIndex, noOnDelete];
