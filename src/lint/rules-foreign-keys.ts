import { formatName, isSameName } from "../db/identifier.js";
import { isValidatedNow, notValidSql } from "./added-constraints.js";
import { type ForeignKey, foreignKeysOf } from "./foreign-keys.js";
import { type LockedTable, lockedTables } from "./locked-tables.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintHit, LintRule } from "./rule.js";
import { sqlObjectName } from "./sql.js";
import { addedColumnsOf, alterationsOf, constraintsIn, tableOf } from "./tree.js";
import { clauseAt } from "./tree-text.js";

const addForeignKey: LintRule = {
  id: "add-fk-valid",
  topic: "locks",
  severity: "error",
  title: "FOREIGN KEY that is validated when it is added",
  why: [
    "ADD FOREIGN KEY takes a ShareRowExclusiveLock on both tables and looks up every row of the referencing one: writes to both wait until it is done.",
    "NOT VALID checks new rows only; VALIDATE CONSTRAINT then looks up the old ones under a ShareUpdateExclusiveLock on the one table and a RowShareLock on the other, which let writes go on.",
  ],
  safer: "Add it as NOT VALID, and VALIDATE it in the next migration.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY); CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint);",
    bad: "ALTER TABLE rooms ADD CONSTRAINT rooms_owner_fkey FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE;",
    good: [
      "ALTER TABLE rooms ADD CONSTRAINT rooms_owner_fkey FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE NOT VALID;",
      "ALTER TABLE rooms VALIDATE CONSTRAINT rooms_owner_fkey;",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) => [
    ...foreignKeysOf(statement, context)
      .filter((key) => key.create === undefined && isValidatedNow(key.constraint))
      .filter((key) => !key.isOfColumn || hasValues(addedColumnsOf(statement, context), key))
      .map((key): LintHit => {
        const { table, parent, constraint, columns } = key;
        const name = constraint.conname ?? sqlObjectName(table.name, ...columns, "fkey");
        const both = isSameName(table, parent) ? "" : ` and ${formatName(parent)}`;
        const message = `foreign key ${name} blocks writes to ${formatName(table)}${both} while it looks up every row`;
        const clause = key.isOfColumn ? undefined : clauseAt(statement, constraint);
        // On a partitioned table, NOT VALID is new in PostgreSQL 18.
        const saferSql = clause && notValidSql({ constraint, table, column: undefined }, name, clause);
        return { message, table, location: constraint.location, saferSql };
      }),
    ...alterationsOf(statement, context).flatMap(({ command, table }): readonly LintHit[] => {
      const { subtype, def } = command;
      const altered =
        subtype === "AT_AlterConstraint" && def && "ATAlterConstraint" in def ? def.ATAlterConstraint : {};
      if (!altered.alterEnforceability || !altered.is_enforced) return [];
      return [{ message: `enforcing ${altered.conname} looks up every row of ${formatName(table)}`, table }];
    }),
  ],
};

/** A new column without a default is NULL everywhere, and PostgreSQL looks up nothing; it does for DEFAULT NULL. */
function hasValues(added: ReturnType<typeof addedColumnsOf>, { columns }: ForeignKey): boolean {
  const column = added.find(({ name }) => name === columns[0])?.column;
  return constraintsIn(column?.constraints).some(({ contype }) => contype === "CONSTR_DEFAULT");
}

const addColumnReferences: LintRule = {
  id: "add-column-references",
  topic: "locks",
  severity: "warning",
  title: "ADD COLUMN … REFERENCES",
  why: [
    "No row has to be looked up, but the statement takes an AccessExclusiveLock on its table and a ShareRowExclusiveLock on the referenced one, and both are held until the transaction ends: writes to the referenced table wait, and two such locks are how deadlocks are made.",
  ],
  safer: "Add the column first, and the foreign key as NOT VALID in a migration of its own, validated later.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY); CREATE TABLE rooms (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE rooms ADD COLUMN owner bigint REFERENCES users ON DELETE CASCADE;",
    good: [
      "ALTER TABLE rooms ADD COLUMN owner bigint;",
      "ALTER TABLE rooms ADD CONSTRAINT rooms_owner_fkey FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE NOT VALID;",
      "ALTER TABLE rooms VALIDATE CONSTRAINT rooms_owner_fkey;",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    foreignKeysOf(statement, context)
      .filter((key) => key.isOfColumn && key.create === undefined && isOld(context, key))
      .filter((key) => !context.model.table(key.table)?.isNew)
      .filter((key) => !hasValues(addedColumnsOf(statement, context), key))
      .map(({ table, parent, constraint, columns }) => ({
        message: `ADD COLUMN ${columns.join()} of ${formatName(table)} also blocks writes to ${formatName(parent)} until the transaction ends`,
        table: parent,
        location: constraint.location,
      })),
};

/** The referenced table is another one, and was there before. */
function isOld(context: LintContext, { table, parent }: ForeignKey): boolean {
  return !isSameName(table, parent) && !context.model.table(parent)?.isNew;
}

const newTableReferences: LintRule = {
  id: "create-table-references-hot",
  topic: "locks",
  severity: "warning",
  title: "A new table that references one that is in use, with more work in the same transaction",
  why: [
    "The new table is nobody's yet, but its foreign key takes a ShareRowExclusiveLock on the referenced table: every INSERT, UPDATE and DELETE there waits until the transaction commits, however much else it does.",
  ],
  safer:
    "Make tables and foreign keys in a migration that does nothing else, or make the foreign key last, so that the lock is held for a moment only.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint REFERENCES users ON DELETE CASCADE);\nCREATE INDEX rooms_owner_idx ON rooms (owner);\nINSERT INTO rooms (id) SELECT generate_series(1, 1000000);",
    good: [
      "CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint REFERENCES users ON DELETE CASCADE);",
      "CREATE TABLE rooms (id bigint PRIMARY KEY, owner bigint);\nINSERT INTO rooms (id) SELECT generate_series(1, 1000000);\nALTER TABLE rooms ADD FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE;",
    ],
  },
  looksAt: ["CreateStmt", "AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    foreignKeysOf(statement, context)
      .filter((key) => isOld(context, key) && (key.create || context.model.table(key.table)?.isNew))
      .filter(() => isFollowedByWork(context))
      .filter(({ parent }, index, keys) => keys.findIndex((one) => isSameName(one.parent, parent)) === index)
      .map(({ table, parent, constraint }) => ({
        message: `the foreign key of new table ${formatName(table)} blocks writes to ${formatName(parent)} until the transaction ends`,
        table: parent,
        location: constraint.location,
      })),
};

/** True when the transaction goes on to touch rows or tables of others; making more new things is quick. */
function isFollowedByWork(context: LintContext): boolean {
  return context.isTransactional && lastWork(context) > context.index;
}

/** The place of the last statement in the file that touches rows, or locks a table that the file does not make. */
const lastWork = perFile((context) => {
  const made = new Set<string>();
  for (const { node } of context.statements) {
    const relation = "CreateStmt" in node ? node.CreateStmt.relation : undefined;
    if (relation !== undefined) made.add(formatName(tableOf(context, relation)));
  }
  const isOld = ({ table }: LockedTable) => !made.has(formatName(table)) && !context.model.table(table)?.isNew;
  return context.statements.findLastIndex((statement) => {
    if (statement.runs === "called" || "CreateStmt" in statement.node) return false;
    return rowWork.some((kind) => kind in statement.node) || lockedTables(statement, context).some(isOld);
  });
});

const rowWork = [
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "CopyStmt",
  "CreateTableAsStmt",
  "RefreshMatViewStmt",
  "CallStmt",
];

export const foreignKeyRules: readonly LintRule[] = [addForeignKey, addColumnReferences, newTableReferences];
