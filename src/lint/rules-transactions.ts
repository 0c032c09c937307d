import { endsTransactions } from "../migrate/transaction-mode.js";
import { effectsOfFile } from "./effects.js";
import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintRule } from "./rule.js";
import { nodesOf } from "./tree.js";

/* What does not go together in one transaction: L22 and L28 of the notes. */

const enumValueUsed: LintRule = {
  id: "enum-value-used-in-transaction",
  topic: "transactions",
  severity: "error",
  title: "A new enum value is used in the transaction that adds it",
  why: [
    "PostgreSQL lets nobody use the value before the commit: 55P04, “unsafe use of new value”. An index built on it before a rollback could never be read again.",
  ],
  safer: "Two migrations: one that adds the value, the next that uses it.",
  example: {
    before: "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE people (id bigint PRIMARY KEY, mood mood);",
    bad: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine';\nALTER TABLE people ALTER COLUMN mood SET DEFAULT 'fine';",
    good: [
      "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine';",
      "ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'fine';",
    ],
  },
  exemptsNewTables: false,
  check(statement, context) {
    if (!context.isTransactional || statement.runs === "called" || "AlterEnumStmt" in statement.node) return [];
    // A DO block's own statements come one by one.
    if ("DoStmt" in statement.node || "CreateFunctionStmt" in statement.node) return [];
    const added = addedValues(context);
    if (added.size === 0) return [];
    return nodesOf(statement.node, "A_Const").flatMap(({ sval, location }) => {
      const value = sval?.sval;
      const adding = added.get(value ?? "")?.findLast(({ index }) => index < context.index);
      if (adding === undefined) return [];
      const type = adding.effect.label.replace(/^.* of /s, "");
      const place = location === undefined ? {} : { location };
      return [{ message: `'${value}' is a value that this very transaction adds to ${type}`, ...place }];
    });
  },
};

/** What adds a value, by the value, but for types that the file makes itself before that. */
const addedValues = perFile((context) => {
  const { byKind, byKey } = effectsOfFile(context);
  const added = (byKind.get("enum value") ?? []).filter(({ effect, index }) => {
    const made = effect.dependsOn.flatMap((type) => byKey.get(type) ?? []);
    return effect.action === "create" && !made.some((one) => one.effect.action === "create" && one.index < index);
  });
  return groupBy(added, ({ effect }) => [effect.name]);
});

const ownTransaction: LintRule = {
  id: "own-transaction",
  topic: "transactions",
  severity: "error",
  title: "The file begins or ends a transaction itself",
  why: [
    "A runner wraps the file and its own note of it in one transaction. COMMIT in the file ends that one: what follows runs by itself, and a failure there leaves the migration half applied and not recorded. roomctl refuses to run such a file.",
  ],
  safer:
    "Take BEGIN, COMMIT and ROLLBACK out. Where statements must run one by one, say -- roomctl:no-transaction at the top of the file.",
  example: {
    bad: "BEGIN;\nCREATE TABLE IF NOT EXISTS rooms (id bigint PRIMARY KEY);\nCOMMIT;",
    good: ["CREATE TABLE IF NOT EXISTS rooms (id bigint PRIMARY KEY);"],
  },
  looksAt: ["TransactionStmt"],
  exemptsNewTables: false,
  check({ node, text }) {
    if (!("TransactionStmt" in node)) return [];
    const { kind = "TRANS_STMT_BEGIN" } = node.TransactionStmt;
    if (/SAVEPOINT|ROLLBACK_TO|RELEASE/.test(kind)) return [];
    return [
      {
        message: `${text.split(/[\s;]/, 1)[0]?.toUpperCase()} tears the transaction that the runner wraps around the file`,
      },
    ];
  },
};

const blockCommits: LintRule = {
  id: "block-with-commit",
  topic: "transactions",
  severity: "warning",
  title: "A DO block commits or rolls back",
  why: [
    "It is only allowed outside of a transaction: inside one it fails with 2D000 (invalid_transaction_termination). roomctl therefore runs the whole file statement by statement, and what is done when one of them fails stays done.",
  ],
  safer: "Give the block a file of its own, written so that it can begin again where it was stopped.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, locale text);",
    bad: "DO $$ BEGIN UPDATE users SET locale = 'en' WHERE locale IS NULL; COMMIT; END $$;",
    good: ["DO $$ BEGIN UPDATE users SET locale = 'en' WHERE locale IS NULL; END $$;"],
  },
  looksAt: ["DoStmt"],
  exemptsNewTables: false,
  check({ node, text }, { parser, statements }) {
    if (!endsTransactions({ node, text }, parser)) return [];
    const isAlone = statements.every(({ container, node: other }) => container !== undefined || other === node);
    return [
      {
        message: "The DO block ends transactions, so that nothing in this file runs in one",
        severity: isAlone ? "info" : "warning",
      },
    ];
  },
};

export const transactionRules: readonly LintRule[] = [enumValueUsed, ownTransaction, blockCommits];
