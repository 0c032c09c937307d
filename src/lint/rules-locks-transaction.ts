import { formatName } from "../db/identifier.js";
import { heldLocks } from "./held-locks.js";
import { stringsIn } from "./names.js";
import type { LintHit, LintRule, LintStatement } from "./rule.js";
import { nodesOf } from "./tree.js";

const multipleLocks: LintRule = {
  id: "multiple-locks-one-tx",
  topic: "locks",
  severity: "warning",
  title: "Strong locks on several tables in one transaction",
  why: [
    "Each lock is held until the transaction ends: the first table stays closed (AccessExclusiveLock: for reads too) while the migration waits for the second. An application that uses the two in the other order makes a deadlock with it, and one of both is ended with 40P01.",
  ],
  safer: "Give each table a migration of its own.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY); CREATE TABLE rooms (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN name text;\nALTER TABLE rooms ADD COLUMN name text;",
    good: ["ALTER TABLE users ADD COLUMN name text;", "ALTER TABLE rooms ADD COLUMN name text;"],
  },
  exemptsNewTables: true,
  check(statement, context) {
    const { before, closed, own } = heldLocks(statement, context);
    if (closed === undefined) return [];
    const wanted = new Map(own.map((lock) => [formatName(lock.table), lock]));
    return [...wanted].flatMap(([name, { table, mode }]): readonly LintHit[] => {
      if (before.has(name) || context.model.table(table)?.isNew) return [];
      const message = `this waits for the ${mode}Lock on ${name} while ${closed} is closed by an AccessExclusiveLock`;
      return [{ message, table }];
    });
  },
};

const lockTimeout: LintRule = {
  id: "missing-lock-timeout",
  topic: "locks",
  severity: "warning",
  title: "A file that takes away the lock timeout",
  why: [
    "A statement that waits for a strong lock makes every later query on the table wait behind it. roomctl sets lock_timeout for each migration, and tries again when it strikes; a file that sets it to 0, to its default or far up takes that away, and one long query then stops the application.",
  ],
  safer: "Leave it out, or set a short one with SET LOCAL; --lock-timeout changes it for a run.",
  example: {
    bad: "SET lock_timeout = 0;",
    good: ["SET LOCAL lock_timeout = '2s';"],
  },
  looksAt: ["VariableSetStmt", "DiscardStmt", "SelectStmt"],
  exemptsNewTables: false,
  check({ node, runs }) {
    if (runs === "called") return [];
    const loosened =
      "VariableSetStmt" in node ? setBy(node) : "DiscardStmt" in node ? discardedBy(node) : configuredBy(node);
    return loosened === undefined ? [] : [{ message: `${loosened} takes away the lock timeout that roomctl sets` }];
  },
};

type NodeOf<Kind extends string> = Extract<LintStatement["node"], Record<Kind, unknown>>;

function setBy({ VariableSetStmt: set }: NodeOf<"VariableSetStmt">): string | undefined {
  if (set.kind === "VAR_RESET_ALL") return "RESET ALL";
  if (set.name !== "lock_timeout") return undefined;
  if (set.kind === "VAR_RESET") return "RESET lock_timeout";
  if (set.kind === "VAR_SET_DEFAULT") return "SET lock_timeout TO DEFAULT";
  const [value] = constantsIn(set.args);
  return value !== undefined && isLoose(value) ? `SET lock_timeout = ${value}` : undefined;
}

function discardedBy({ DiscardStmt: { target } }: NodeOf<"DiscardStmt">): string | undefined {
  return target === "DISCARD_ALL" ? "DISCARD ALL" : undefined;
}

/** `SELECT set_config('lock_timeout', '0', false)`, and PERFORM of it. */
function configuredBy(node: LintStatement["node"]): string | undefined {
  if (!("SelectStmt" in node)) return undefined;
  const values = nodesOf(node, "FuncCall")
    .filter(({ funcname }) => stringsIn(funcname).at(-1) === "set_config")
    .map(({ args }) => constantsIn(args))
    .find(([name]) => name === "lock_timeout");
  return values?.[1] !== undefined && isLoose(values[1]) ? `set_config('lock_timeout', '${values[1]}', …)` : undefined;
}

/** Constants as text; a number that is 0 has no field of its own in the tree. */
function constantsIn(nodes: unknown): readonly string[] {
  return nodesOf(nodes, "A_Const").map(({ ival, sval, fval }) =>
    sval ? (sval.sval ?? "") : ival ? String(ival.ival ?? 0) : (fval?.fval ?? ""),
  );
}

/** None at all, or a minute and more. */
function isLoose(value: string): boolean {
  const [, amount = "", unit = "ms"] = /^\s*(-?[\d.]+)\s*(us|ms|s|min|h|d)?\s*$/.exec(value) ?? [];
  const milliseconds = Number(amount) * (millisecondsOf[unit] ?? 1);
  return amount !== "" && (milliseconds <= 0 || milliseconds >= 60_000);
}

const millisecondsOf: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const transactionLockRules: readonly LintRule[] = [multipleLocks, lockTimeout];
