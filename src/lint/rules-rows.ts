import type { InsertStmt } from "libpg-query";
import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import { type RepeatedAssignment, repeatedAssignment } from "./assignments.js";
import { isFilledAnew } from "./emptied-tables.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { isTemporary } from "./temporary-tables.js";
import { alterCommands, alterTableOf, columnIn, nodesOf } from "./tree.js";

/* Changes of rows that a second run makes again: I10 of the notes. */

const insertWithoutConflict: LintRule = {
  id: "insert-without-conflict",
  topic: "idempotence",
  severity: "warning",
  title: "INSERT that adds its rows again when it runs again",
  why: [
    "A second run fails with 23505 (unique_violation) where the rows have a key of their own, and where the key is made by the server it adds them a second time.",
  ],
  safer: "ON CONFLICT (key) DO NOTHING with the columns of a unique index, or INSERT … SELECT … WHERE NOT EXISTS.",
  example: {
    before: "CREATE TABLE roles (name text PRIMARY KEY);",
    bad: "INSERT INTO roles VALUES ('admin');",
    good: ["INSERT INTO roles VALUES ('admin') ON CONFLICT (name) DO NOTHING;"],
  },
  exemptsNewTables: false,
  check(statement, context) {
    const { node, runs, isGuarded } = statement;
    if (runs === "called" || isGuarded) return [];
    if ("CopyStmt" in node && node.CopyStmt.is_from && node.CopyStmt.relation) {
      const table = context.model.resolve(node.CopyStmt.relation);
      return isFilledAnew(table, context)
        ? []
        : [{ message: `A second run copies the rows into ${formatName(table)} again`, table }];
    }
    // Looking through a whole tree costs more than through its text.
    if (!/insert/i.test(statement.text)) return [];
    return nodesOf(node, "InsertStmt").flatMap((insert) => insertHit(insert, context));
  },
};

function insertHit(insert: InsertStmt, context: LintContext): readonly LintHit[] {
  const { relation, onConflictClause: conflict, selectStmt } = insert;
  if (relation === undefined || isTemporary(relation.relname, context)) return [];
  const table = context.model.resolve(relation);
  const place = relation.location === undefined ? {} : { location: relation.location };
  const name = formatName(table);
  if (conflict === undefined) {
    if (excludesItself(selectStmt, insert, context) || isFilledAnew(table, context)) return [];
    return [{ message: `A second run inserts into ${name} again`, table, ...place }];
  }
  if (!hasConflict(insert, table, context)) {
    return [
      {
        message: `ON CONFLICT finds none: the rows for ${name} have no unique column but those that are made up for each`,
        table,
        ...place,
      },
    ];
  }
  return [];
}

/** INSERT … SELECT that leaves out what is there: NOT EXISTS, NOT IN, an outer join, or rows that it takes from elsewhere. */
function excludesItself(select: Node | undefined, insert: InsertStmt, context: LintContext): boolean {
  const target = insert.relation && context.model.resolve(insert.relation);
  const readsTarget = nodesOf(select, "RangeVar").some(
    (range) => target && isSameName(context.model.resolve(range), target),
  );
  const takes = [select, insert.withClause].some((tree) => nodesOf(tree, "DeleteStmt").length > 0);
  if (takes) return true;
  const negations = nodesOf(select, "BoolExpr").filter(({ boolop }) => boolop === "NOT_EXPR");
  const excludes = negations.some(({ args }) => nodesOf(args, "SubLink").length > 0);
  const isAntiJoin = nodesOf(select, "NullTest").some(({ nulltesttype }) => nulltesttype === "IS_NULL");
  const isExcept =
    nodesOf({ SelectStmt: select }, "SelectStmt").length > 0 && /"SETOP_EXCEPT"/.test(JSON.stringify(select ?? ""));
  return readsTarget && (excludes || isAntiJoin || isExcept);
}

/** False only when the model knows the table and no unique index can hold the rows apart from those of the first run. */
function hasConflict({ cols, onConflictClause }: InsertStmt, table: QualifiedName, { model }: LintContext): boolean {
  const known = model.table(table);
  // With columns or a constraint named, PostgreSQL itself asks for the index.
  const isNamed = onConflictClause?.infer !== undefined;
  if (known === undefined || cols === undefined || isNamed) return true;
  const given = cols.map((column) => ("ResTarget" in column ? column.ResTarget.name : undefined));
  const isGiven = (columns: readonly (string | undefined)[]) =>
    columns.every((column) => column === undefined || given.includes(column) || !isMadeUp(column));
  const isMadeUp = (column: string) => known.columns.find(({ name }) => name === column)?.hasDefault ?? true;
  const keys = [known.primaryKey, ...known.indexes.filter(({ isUnique }) => isUnique).map(({ columns }) => columns)];
  return keys.some((columns) => columns !== undefined && isGiven(columns));
}

const updateNotIdempotent: LintRule = {
  id: "update-not-idempotent",
  topic: "idempotence",
  severity: "warning",
  title: "UPDATE that changes its rows again when it runs again",
  why: [
    "The new value is made of the old one, or of the clock or chance: each run gives another. A balance is raised twice, a price converted twice, every token made anew.",
  ],
  safer:
    "A WHERE that the update itself makes false: WHERE token IS NULL, WHERE url NOT LIKE 'https://%', or a flag that it sets.",
  example: {
    before:
      "CREATE TABLE wallets (id bigint PRIMARY KEY, coins bigint NOT NULL, is_doubled boolean NOT NULL DEFAULT false);",
    bad: "UPDATE wallets SET coins = coins * 2 WHERE coins > 0;",
    good: ["UPDATE wallets SET coins = coins * 2, is_doubled = true WHERE NOT is_doubled;"],
  },
  exemptsNewTables: false,
  check(statement, context) {
    const { node, runs, isGuarded } = statement;
    if (runs === "called" || isGuarded) return [];
    if (alterTableOf(statement) !== undefined) return conversions(statement, context);
    if (!/update/i.test(statement.text)) return [];
    return [...updates(node, context), ...merges(node, context), ...upserts(node, context)];
  },
};

function updates(node: Node, context: LintContext): readonly LintHit[] {
  return nodesOf(node, "UpdateStmt").flatMap(({ relation, targetList, whereClause }) => {
    if (relation === undefined || isTemporary(relation.relname, context)) return [];
    const again = repeatedAssignment(targetList, whereClause, relation.alias?.aliasname ?? relation.relname ?? "");
    return again === undefined ? [] : [againHit(again, context.model.resolve(relation))];
  });
}

function merges(node: Node, context: LintContext): readonly LintHit[] {
  return nodesOf(node, "MergeStmt").flatMap(({ relation, mergeWhenClauses }) => {
    if (relation === undefined) return [];
    const clauses = nodesOf(mergeWhenClauses, "MergeWhenClause").filter(
      ({ commandType }) => commandType === "CMD_UPDATE",
    );
    const alias = relation.alias?.aliasname ?? relation.relname ?? "";
    const repeated = clauses.flatMap(
      ({ targetList, condition }) => repeatedAssignment(targetList, condition, alias) ?? [],
    );
    return repeated.slice(0, 1).map((again) => againHit(again, context.model.resolve(relation)));
  });
}

/** ON CONFLICT DO UPDATE: the rows of the first run are what the second one finds. */
function upserts(node: Node, context: LintContext): readonly LintHit[] {
  return nodesOf(node, "InsertStmt").flatMap(({ relation, onConflictClause: conflict }): readonly LintHit[] => {
    if (relation === undefined || conflict === undefined || isTemporary(relation.relname, context)) return [];
    const alias = relation.alias?.aliasname ?? relation.relname ?? "";
    const again = repeatedAssignment(conflict.targetList, conflict.whereClause, alias);
    if (again === undefined) return [];
    const hit = againHit(again, context.model.resolve(relation));
    // That a row was written is what `updated_at = now()` is there to say.
    return [again.reason === "taken from the clock" ? { ...hit, severity: "info" } : hit];
  });
}

function againHit({ column, reason }: RepeatedAssignment, table: QualifiedName): LintHit {
  return { message: `A second run sets ${column} of ${formatName(table)} to another value: it is ${reason}`, table };
}

/** ALTER COLUMN … TYPE … USING an expression that is more than a cast is computed from the new values then. */
function conversions(statement: LintStatement, context: LintContext): readonly LintHit[] {
  const relation = alterTableOf(statement)?.relation;
  if (relation === undefined) return [];
  return alterCommands(statement).flatMap(({ subtype, name = "", def }) => {
    const using = subtype === "AT_AlterColumnType" ? columnIn(def)?.raw_default : undefined;
    if (using === undefined || isCast(using)) return [];
    const table = context.model.resolve(relation);
    return [{ message: `A second run applies USING to the converted values of ${formatName(table)}.${name}`, table }];
  });
}

function isCast(expression: Node): boolean {
  if ("TypeCast" in expression) return expression.TypeCast.arg !== undefined && isCast(expression.TypeCast.arg);
  return "ColumnRef" in expression;
}

export const rowRules: readonly LintRule[] = [insertWithoutConflict, updateNotIdempotent];
