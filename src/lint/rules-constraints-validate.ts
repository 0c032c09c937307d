import { formatName } from "../db/identifier.js";
import { type HeldLocks, heldLocks } from "./held-locks.js";
import { stringsIn } from "./names.js";
import type { LintHit, LintRule } from "./rule.js";
import { sqlColumn, sqlName } from "./sql.js";
import { alterationsOf, constraintIn } from "./tree.js";
import { clauseAt } from "./tree-text.js";

const validateInSameTransaction: LintRule = {
  id: "validate-in-same-tx",
  topic: "transactions",
  severity: "error",
  title: "VALIDATE CONSTRAINT in a transaction that holds a stronger lock",
  why: [
    "VALIDATE CONSTRAINT by itself reads the table under a ShareUpdateExclusiveLock, which lets reads and writes go on. Locks are held until the end of the transaction: after an ADD CONSTRAINT … NOT VALID in the same one, the table stays closed for the whole scan.",
  ],
  safer: "Put VALIDATE CONSTRAINT into the next migration.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, age int);",
    bad: "ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT users_age_check;",
    good: [
      "ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID;",
      "ALTER TABLE users VALIDATE CONSTRAINT users_age_check;",
    ],
  },
  exemptsNewTables: true,
  check(statement, context) {
    const held = heldLocks(statement, context);
    return alterationsOf(statement, context).flatMap(({ command, table, model }): readonly LintHit[] => {
      if (command.subtype !== "AT_ValidateConstraint") return [];
      const isValidAlready = model?.constraints.some(({ name, isValidated }) => name === command.name && isValidated);
      const mode = isValidAlready ? undefined : strongerLock(held, formatName(table));
      if (mode === undefined) return [];
      const message = `VALIDATE CONSTRAINT ${command.name} reads all of ${formatName(table)} under the ${mode}Lock that this transaction already holds`;
      const constraint = sqlColumn(command.name ?? "");
      const saferSql = `-- in the next migration:\nALTER TABLE ${sqlName(table)} VALIDATE CONSTRAINT ${constraint};`;
      return [{ message, table, saferSql }];
    });
  },
};

/** The lock that stops writes to the table and that this statement, or in one transaction those before it, took. */
function strongerLock({ before, own }: HeldLocks, table: string): string | undefined {
  return before.get(table) ?? own.find((lock) => formatName(lock.table) === table)?.mode;
}

const alterDomain: LintRule = {
  id: "alter-domain-constraint",
  topic: "locks",
  severity: "warning",
  title: "A constraint of a domain that reads every table with a column of it",
  why: [
    "ALTER DOMAIN … ADD CHECK and SET NOT NULL take a ShareLock on every table that has a column of the domain, and read all of them: writes to all of them wait.",
  ],
  safer:
    "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in the next migration, which takes a ShareUpdateExclusiveLock from PostgreSQL 17 on. For NOT NULL, use CHECK (VALUE IS NOT NULL) in the same way.",
  example: {
    before: "CREATE DOMAIN percent AS int; CREATE TABLE tests (id bigint PRIMARY KEY, score percent);",
    bad: "ALTER DOMAIN percent ADD CONSTRAINT percent_check CHECK (VALUE BETWEEN 0 AND 100);",
    good: ["ALTER DOMAIN percent ADD CONSTRAINT percent_check CHECK (VALUE BETWEEN 0 AND 100) NOT VALID;"],
  },
  looksAt: ["AlterDomainStmt"],
  exemptsNewTables: false,
  check(statement, context) {
    const { node, runs } = statement;
    if (runs === "called" || !("AlterDomainStmt" in node)) return [];
    const { subtype, typeName, def } = node.AlterDomainStmt;
    const constraint = constraintIn(def);
    const adds = subtype === "C" && constraint !== undefined && !constraint.skip_validation;
    const domain = stringsIn(typeName).at(-1) ?? "";
    if (!adds && subtype !== "O") return [];
    const isNew = context.model.isNew("type", context.model.resolve({ relname: domain }));
    if (isNew) return [];
    const message = `ALTER DOMAIN ${domain} reads every table with a column of it, and blocks writes to them meanwhile`;
    const clause = adds ? clauseAt(statement, constraint) : undefined;
    const saferSql = clause && `ALTER DOMAIN ${stringsIn(typeName).map(sqlColumn).join(".")} ADD ${clause} NOT VALID;`;
    return [{ message, saferSql }];
  },
};

export const validationRules: readonly LintRule[] = [validateInSameTransaction, alterDomain];
