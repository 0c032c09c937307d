import type { RangeVar } from "libpg-query";
import { formatName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { isTemporary } from "./temporary-tables.js";
import { tableOf } from "./tree.js";

/* Statements that take or rewrite all rows of a table: L19 of the notes. */

const truncate: LintRule = {
  id: "truncate",
  topic: "data",
  severity: "error",
  title: "TRUNCATE of a table that is in use",
  why: [
    "All rows are gone with the commit, under an AccessExclusiveLock that stops reads too, and DELETE triggers do not run. RESTART IDENTITY gives numbers a second time.",
  ],
  safer: "Keep wiping out of migrations: roomctl wipe shows what would go, makes a backup and asks first.",
  example: {
    before: "CREATE TABLE messages (id bigint PRIMARY KEY);",
    bad: "TRUNCATE messages;",
    good: ["CREATE TABLE import_rows (id bigint PRIMARY KEY);\nTRUNCATE import_rows;"],
  },
  looksAt: ["TruncateStmt"],
  exemptsNewTables: true,
  check({ node, runs }, context) {
    if (runs === "called" || !("TruncateStmt" in node)) return [];
    const { relations = [], behavior } = node.TruncateStmt;
    const also = behavior === "DROP_CASCADE" ? ", and of every table that refers to it" : "";
    return relations.flatMap((relation) => {
      if (!("RangeVar" in relation)) return [];
      return hitOn(relation.RangeVar, context, (name) => `TRUNCATE takes all rows of ${name}${also}`);
    });
  },
};

const deleteWithoutWhere: LintRule = {
  id: "delete-without-where",
  topic: "data",
  severity: "error",
  title: "DELETE of every row of a table that is in use",
  why: [
    "All rows are gone. Until the commit each of them is locked, foreign keys are looked up row by row, and the table keeps its size until VACUUM.",
  ],
  safer:
    "Say which rows: DELETE … WHERE. Keep wiping out of migrations: roomctl wipe shows what would go, makes a backup and asks first.",
  example: {
    before: "CREATE TABLE messages (id bigint PRIMARY KEY, sent_at timestamptz);",
    bad: "DELETE FROM messages;",
    good: ["DELETE FROM messages WHERE sent_at < '2020-01-01';"],
  },
  looksAt: ["DeleteStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    const { node } = statement;
    if (!("DeleteStmt" in node) || !takesAll(statement, node.DeleteStmt.whereClause)) return [];
    return hitOn(node.DeleteStmt.relation, context, (name) => `DELETE without WHERE takes all rows of ${name}`);
  },
};

const updateWithoutWhere: LintRule = {
  id: "update-without-where",
  topic: "data",
  severity: "warning",
  title: "UPDATE of every row of a table that is in use",
  why: [
    "It writes every row anew in one transaction: each is locked until the commit, so that the app's own updates wait, the table grows to about double, and replicas get all of it at once.",
  ],
  safer:
    "Update in pieces of some thousand rows, each in a transaction of its own, outside of the migration; leave out rows that have the value already.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, locale text);",
    bad: "UPDATE users SET locale = 'en';",
    good: ["UPDATE users SET locale = 'en' WHERE locale IS NULL;"],
  },
  looksAt: ["UpdateStmt"],
  exemptsNewTables: true,
  growsWithSize: true,
  check(statement, context) {
    const { node } = statement;
    if (!("UpdateStmt" in node) || !takesAll(statement, node.UpdateStmt.whereClause)) return [];
    return hitOn(node.UpdateStmt.relation, context, (name) => `UPDATE without WHERE writes every row of ${name} anew`);
  },
};

/** No WHERE, or WHERE true. */
function takesAll({ runs }: LintStatement, where: Node | undefined): boolean {
  if (runs === "called") return false;
  return where === undefined || ("A_Const" in where && where.A_Const.boolval?.boolval === true);
}

function hitOn(
  relation: RangeVar | undefined,
  context: LintContext,
  message: (name: string) => string,
): readonly LintHit[] {
  if (relation === undefined || isTemporary(relation.relname, context)) return [];
  const table = tableOf(context, relation);
  return [{ message: message(formatName(table)), table, location: relation.location ?? 0 }];
}

export const dataRules: readonly LintRule[] = [truncate, deleteWithoutWhere, updateWithoutWhere];
