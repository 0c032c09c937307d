import { perFile } from "./per-file.js";
import type { LintRule, LintStatement } from "./rule.js";
import { alterCommands, hasDefElem } from "./tree.js";

const inBody: LintRule = {
  id: "concurrently-in-tx",
  topic: "transactions",
  severity: "error",
  title: "CONCURRENTLY inside of a block",
  why: [
    "CREATE INDEX, DROP INDEX, REINDEX and DETACH PARTITION with CONCURRENTLY begin and end transactions of their own. A DO block or function is inside of a transaction, so PostgreSQL refuses them there with 25001.",
  ],
  safer:
    "Write it as a statement of its own, at the top level of a file: roomctl then runs that file without a transaction.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "DO $$ BEGIN CREATE INDEX CONCURRENTLY users_email_idx ON users (email); END $$;",
    good: ["CREATE INDEX CONCURRENTLY users_email_idx ON users (email);"],
  },
  looksAt: ["IndexStmt", "DropStmt", "ReindexStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check(statement) {
    const what = concurrentWork(statement);
    if (what === undefined || !statement.isInBody) return [];
    return [
      {
        message: `${what} cannot run inside of a block or function`,
        saferSql: `${statement.text.replace(/;\s*$/, "")};`,
      },
    ];
  },
};

/** `CREATE INDEX CONCURRENTLY` of such a statement. */
function concurrentWork(statement: LintStatement): string | undefined {
  const { node } = statement;
  if ("IndexStmt" in node) return node.IndexStmt.concurrent ? "CREATE INDEX CONCURRENTLY" : undefined;
  if ("DropStmt" in node) return node.DropStmt.concurrent ? "DROP INDEX CONCURRENTLY" : undefined;
  if ("ReindexStmt" in node)
    return hasDefElem(node.ReindexStmt.params, "concurrently") ? "REINDEX CONCURRENTLY" : undefined;
  const detaches = alterCommands(statement).some(
    ({ def }) => def !== undefined && "PartitionCmd" in def && def.PartitionCmd.concurrent,
  );
  return detaches ? "DETACH PARTITION CONCURRENTLY" : undefined;
}

const besideOthers: LintRule = {
  id: "concurrently-beside-others",
  topic: "transactions",
  severity: "warning",
  title: "CONCURRENTLY in one file with statements that could have a transaction",
  why: [
    "A file with CONCURRENTLY runs without a transaction, each statement by itself. When one of them fails, those before it stay: the migration is half applied until it is run again.",
  ],
  safer:
    "Give the statements with CONCURRENTLY a file of their own, and leave the others in one that has its transaction.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "ALTER TABLE users ADD COLUMN name text;\nCREATE INDEX CONCURRENTLY users_name_idx ON users (name);",
    good: ["ALTER TABLE users ADD COLUMN name text;", "CREATE INDEX CONCURRENTLY users_name_idx ON users (name);"],
  },
  exemptsNewTables: false,
  check(_statement, context) {
    const { first, concurrent } = mixtureOf(context);
    if (context.isTransactional || concurrent === undefined || first !== context.index) return [];
    return [{ message: `${concurrent} in this file takes the transaction from this statement` }];
  },
};

/** The place of the first statement that could have a transaction, and what takes it away. */
const mixtureOf = perFile(({ statements }) => ({
  first: statements.findIndex(isTransactionalWork),
  concurrent: statements.flatMap((one) => (one.isInBody ? [] : (concurrentWork(one) ?? []))).at(0),
}));

/** What changes schema or rows and could have a transaction; a guard in a DO block is part of the concurrent work. */
function isTransactionalWork(statement: LintStatement): boolean {
  const { node, isInBody } = statement;
  if (isInBody || concurrentWork(statement) !== undefined) return false;
  return !harmless.some((kind) => kind in node);
}

const harmless = [
  "VariableSetStmt",
  "VariableShowStmt",
  "SelectStmt",
  "DoStmt",
  "CommentStmt",
  "TransactionStmt",
  "VacuumStmt",
  "ClusterStmt",
  "CheckPointStmt",
  "CreatedbStmt",
  "DropdbStmt",
  "AlterSystemStmt",
  "CreateSubscriptionStmt",
  "DropSubscriptionStmt",
  "AlterSubscriptionStmt",
];

export const concurrentlyRules: readonly LintRule[] = [inBody, besideOthers];
