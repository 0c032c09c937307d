import { formatName } from "../db/identifier.js";
import { perFile } from "./per-file.js";
import { addsPrimaryKeyLater, definesPrimaryKey } from "./primary-key.js";
import type { LintRule } from "./rule.js";
import { alterationsOf, tableOf } from "./tree.js";

/* L31 of the notes. */

const tableWithoutPrimaryKey: LintRule = {
  id: "table-without-primary-key",
  topic: "types",
  severity: "warning",
  title: "A new table without a primary key",
  why: [
    "Two equal rows cannot be told apart, ON CONFLICT has nothing to hold on to, and once the table is published UPDATE and DELETE fail with 55000. Adding the key later builds its index under an AccessExclusiveLock.",
  ],
  safer: "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, or the columns that tell the rows apart.",
  example: {
    bad: "CREATE TABLE IF NOT EXISTS clicks (at timestamptz NOT NULL);",
    good: [
      "CREATE TABLE IF NOT EXISTS clicks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL);",
    ],
  },
  looksAt: ["CreateStmt"],
  exemptsNewTables: false,
  check({ node, runs }, context) {
    if (runs === "called" || !("CreateStmt" in node)) return [];
    const { relation, partbound, inhRelations, ofTypename } = node.CreateStmt;
    // A partition has its parent's key, and children of INHERITS are left to their author.
    const isOthers = partbound !== undefined || (inhRelations ?? []).length > 0 || ofTypename !== undefined;
    if (relation === undefined || relation.relpersistence === "t" || isOthers) return [];
    const table = context.model.resolve(relation);
    const isThere = context.model.table(table) !== undefined;
    if (isThere || definesPrimaryKey(node.CreateStmt) || addsPrimaryKeyLater(table, context)) return [];
    if (partitionsOfFile(context).has(formatName(table))) return [];
    // Tables to import into are mostly unlogged, and emptied again.
    const severity = relation.relpersistence === "u" ? ("info" as const) : ("warning" as const);
    const place = relation.location === undefined ? {} : { location: relation.location };
    return [{ message: `${formatName(table)} has no primary key`, table, severity, ...place }];
  },
};

/** Tables that the file attaches: a partition has its parent's key. */
const partitionsOfFile = perFile((context) => {
  const attached = context.statements.flatMap((statement) =>
    alterationsOf(statement, context).flatMap(({ command: { subtype, def } }) =>
      subtype === "AT_AttachPartition" && def && "PartitionCmd" in def ? (def.PartitionCmd.name ?? []) : [],
    ),
  );
  return new Set(attached.map((partition) => formatName(tableOf(context, partition))));
});

export const keyRules: readonly LintRule[] = [tableWithoutPrimaryKey];
