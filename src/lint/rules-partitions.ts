import type { PartitionCmd } from "libpg-query";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { isSkipped } from "./locked-tables.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlName } from "./sql.js";
import { alterationsOf, tableOf } from "./tree.js";
import { clauseAt } from "./tree-text.js";

const partitionOf: LintRule = {
  id: "create-partition-of",
  topic: "locks",
  severity: "warning",
  title: "CREATE TABLE … PARTITION OF a table that is in use",
  why: [
    "It takes an AccessExclusiveLock on the partitioned table until the transaction ends: it waits for every query on it, and every later query waits behind it. With a DEFAULT partition, that one is read to the end too.",
  ],
  safer:
    "Create the table by itself, with a CHECK that says what the partition's bounds say, then ATTACH PARTITION, which takes a ShareUpdateExclusiveLock on the partitioned table and reads nothing.",
  example: {
    before: "CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);",
    bad: "CREATE TABLE events_2030 PARTITION OF events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    good: [
      "CREATE TABLE events_2030 (LIKE events INCLUDING ALL, CHECK (at >= '2030-01-01' AND at < '2031-01-01'));\nALTER TABLE events ATTACH PARTITION events_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    ],
  },
  looksAt: ["CreateStmt"],
  exemptsNewTables: true,
  check({ node, runs, text }, context) {
    if (runs === "called" || !("CreateStmt" in node) || !node.CreateStmt.partbound) return [];
    if (isSkipped(node.CreateStmt, context)) return [];
    const { relation, inhRelations: parents = [] } = node.CreateStmt;
    return parents.flatMap((parent): readonly LintHit[] => {
      if (!("RangeVar" in parent) || relation === undefined) return [];
      const [table, partition] = [tableOf(context, parent.RangeVar), tableOf(context, relation)];
      const message = `CREATE TABLE ${formatName(partition)} PARTITION OF stops reads and writes of ${formatName(table)} until the transaction ends`;
      const saferSql = attachSql(table, partition, text);
      return [{ message, table, location: parent.RangeVar.location, saferSql }];
    });
  },
};

function attachSql(table: QualifiedName, partition: QualifiedName, text: string): string | undefined {
  const bounds =
    /\bfor\s+values\b[\s\S]*?\)(?:\s*to\s*\([\s\S]*?\))?(?=\s*(?:$|;|partition\b|using\b|with\b|tablespace\b))|\bdefault\s*$/i.exec(
      text,
    )?.[0];
  if (bounds === undefined || /\bpartition\s+by\b/i.test(text)) return undefined;
  return [
    `CREATE TABLE ${sqlName(partition)} (LIKE ${sqlName(table)} INCLUDING ALL);`,
    `ALTER TABLE ${sqlName(table)} ATTACH PARTITION ${sqlName(partition)} ${bounds};`,
  ].join("\n");
}

interface PartitionChange {
  readonly table: QualifiedName;
  readonly partition: QualifiedName;
  readonly command: PartitionCmd;
}

function partitionChanges(
  statement: LintStatement,
  context: LintContext,
  subtype: "AT_AttachPartition" | "AT_DetachPartition",
): readonly PartitionChange[] {
  return alterationsOf(statement, context).flatMap(({ command, table }) => {
    const def = command.subtype === subtype ? command.def : undefined;
    if (def === undefined || !("PartitionCmd" in def) || def.PartitionCmd.name === undefined) return [];
    return [{ table, partition: tableOf(context, def.PartitionCmd.name), command: def.PartitionCmd }];
  });
}

const attach: LintRule = {
  id: "attach-partition-scan",
  topic: "locks",
  severity: "warning",
  title: "ATTACH PARTITION of a table without a CHECK that proves its bounds",
  why: [
    "PostgreSQL reads the whole partition under an AccessExclusiveLock to be sure that each row is within the bounds; where a DEFAULT partition exists, that one is locked and read too.",
    "Where a validated CHECK (and NOT NULL) of the partition says the same as the bounds, it reads nothing.",
  ],
  safer:
    "Add a CHECK that says what the bounds say as NOT VALID, VALIDATE it, attach the partition, then drop the CHECK.",
  example: {
    before:
      "CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);\nCREATE TABLE events_2030 (id bigint, at date NOT NULL);",
    bad: "ALTER TABLE events ATTACH PARTITION events_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    good: [
      "ALTER TABLE events_2030 ADD CONSTRAINT bounds CHECK (at >= '2030-01-01' AND at < '2031-01-01') NOT VALID;",
      "ALTER TABLE events_2030 VALIDATE CONSTRAINT bounds;\nALTER TABLE events ATTACH PARTITION events_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    partitionChanges(statement, context, "AT_AttachPartition")
      .filter(({ partition }) => !hasValidCheck(partition, context))
      .map(({ partition, command }) => {
        const message = `ATTACH PARTITION reads all of ${formatName(partition)} while nobody can use it`;
        const bounds = clauseAt(statement, { location: command.bound?.location }) ?? "";
        const saferSql = [
          `ALTER TABLE ${sqlName(partition)} ADD CONSTRAINT bounds CHECK (…) NOT VALID; -- what ${bounds.replace(/\s+/g, " ")} says`,
          "-- in the next migration:",
          `ALTER TABLE ${sqlName(partition)} VALIDATE CONSTRAINT bounds;`,
          `${statement.text.replace(/;\s*$/, "")};`,
          `ALTER TABLE ${sqlName(partition)} DROP CONSTRAINT bounds;`,
        ].join("\n");
        return { message, table: partition, location: command.name?.location, saferSql };
      }),
};

/** Whether it proves the bounds is for the server to say; that somebody wrote one is taken as meant for this. */
function hasValidCheck(partition: QualifiedName, context: LintContext): boolean {
  const constraints = context.model.table(partition)?.constraints ?? [];
  return constraints.some(({ kind, isValidated }) => kind === "check" && isValidated);
}

const detach: LintRule = {
  id: "detach-partition-not-concurrent",
  topic: "locks",
  severity: "warning",
  title: "DETACH PARTITION without CONCURRENTLY",
  why: [
    "It takes an AccessExclusiveLock on the partitioned table and on the partition: it waits for every query on them, and every later query waits behind it.",
  ],
  safer: "DETACH PARTITION … CONCURRENTLY takes a ShareUpdateExclusiveLock. It cannot run in a transaction.",
  example: {
    before:
      "CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);\nCREATE TABLE events_2020 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');",
    bad: "ALTER TABLE events DETACH PARTITION events_2020;",
    good: ["ALTER TABLE events DETACH PARTITION events_2020 CONCURRENTLY;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    partitionChanges(statement, context, "AT_DetachPartition")
      .filter(({ command }) => !command.concurrent)
      .map(({ table, partition, command }) => ({
        message: `DETACH PARTITION stops reads and writes of ${formatName(table)} until the transaction ends`,
        table,
        location: command.name?.location,
        saferSql: `ALTER TABLE ${sqlName(table)} DETACH PARTITION ${sqlName(partition)} CONCURRENTLY;`,
      })),
};

export const partitionRules: readonly LintRule[] = [partitionOf, attach, detach];
