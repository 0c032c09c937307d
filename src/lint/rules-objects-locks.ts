import type { RangeVar } from "libpg-query";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { heldLocks, isHeld } from "./held-locks.js";
import { explicitMode, stopsWrites } from "./locked-tables.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { alterationsOf, droppedNames, nameIn, tableOf } from "./tree.js";

const safer =
  "Give it a short transaction of its own: roomctl's lock timeout and retries keep the wait from piling up.";
const before = "CREATE TABLE users (id bigint PRIMARY KEY, email text);";
const otherwise = ["ALTER TABLE users ADD COLUMN name text;"];

const trigger: LintRule = {
  id: "trigger-locks-table",
  topic: "locks",
  severity: "info",
  title: "A trigger of a table that is in use",
  why: [
    "CREATE TRIGGER and ENABLE or DISABLE TRIGGER take a ShareRowExclusiveLock: writes to the table wait until the transaction ends. DROP TRIGGER takes an AccessExclusiveLock: reads wait too.",
  ],
  safer,
  example: {
    before,
    bad: "CREATE TRIGGER users_stamp BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION stamp();",
    good: otherwise,
  },
  exemptsNewTables: true,
  check: closing((statement, context) => [
    ...alterationsOf(statement, context)
      .filter(({ command }) => /^AT_(?:Enable|Disable)(?:Always|Replica)?Trig/.test(command.subtype ?? ""))
      .map(({ table }) => forWrites("ENABLE or DISABLE TRIGGER", table)),
    ...created(statement, context, (node) =>
      "CreateTrigStmt" in node ? [`CREATE TRIGGER ${node.CreateTrigStmt.trigname}`, node.CreateTrigStmt.relation] : [],
    ).map(({ what, table }) => forWrites(what, table)),
    ...dropped(statement, context, "TRIGGER"),
  ]),
};

/** A table that is closed until the transaction ends. */
interface Closing {
  readonly what: string;
  readonly table: QualifiedName;
  readonly mode: "ShareRowExclusive" | "AccessExclusive";
}

function forWrites(what: string, table: QualifiedName): Closing {
  return { what, table, mode: "ShareRowExclusive" };
}

function forAll(what: string, table: QualifiedName): Closing {
  return { what, table, mode: "AccessExclusive" };
}

/** A check that tells once of a table which the transaction closes several times. */
function closing(look: (statement: LintStatement, context: LintContext) => readonly Closing[]): LintRule["check"] {
  return (statement, context) => {
    const held = heldLocks(statement, context);
    const byTable = new Map<string, Closing>();
    for (const one of look(statement, context)) {
      const name = formatName(one.table);
      if (!byTable.has(name) && !isHeld(held, name, one.mode)) byTable.set(name, one);
    }
    return [...byTable].map(([name, { what, table, mode }]): LintHit => {
      const whom = mode === "AccessExclusive" ? "reads and writes of" : "writes to";
      return { message: `${what} stops ${whom} ${name} until the transaction ends`, table };
    });
  };
}

interface Created {
  readonly what: string;
  readonly table: QualifiedName;
}

type Look = (node: LintStatement["node"]) => readonly [] | readonly [string, RangeVar | undefined];

function created({ node, runs }: LintStatement, context: LintContext, look: Look): readonly Created[] {
  const [what, relation] = look(node);
  if (runs === "called" || what === undefined || relation === undefined) return [];
  const table = tableOf(context, relation);
  return context.model.has("view", table) ? [] : [{ what, table }];
}

function dropped(
  { node, runs }: LintStatement,
  context: LintContext,
  kind: "TRIGGER" | "POLICY" | "RULE",
): readonly Closing[] {
  if (runs === "called" || !("DropStmt" in node) || node.DropStmt.removeType !== `OBJECT_${kind}`) return [];
  return droppedNames(node.DropStmt.objects).flatMap((parts) => {
    const table = nameIn(context, parts.slice(0, -1));
    const isView = context.model.has("view", table);
    return isView ? [] : [forAll(`DROP ${kind} ${parts.at(-1)}`, table)];
  });
}

const policy: LintRule = {
  id: "policy-locks-table",
  topic: "locks",
  severity: "info",
  title: "A policy, or row level security, of a table that is in use",
  why: [
    "CREATE, ALTER and DROP POLICY, and ENABLE, DISABLE or FORCE ROW LEVEL SECURITY take an AccessExclusiveLock: reads and writes of the table wait until the transaction ends.",
    "Once row level security is on, a table without a policy shows no row to anybody but its owner: create the policies in the same transaction.",
  ],
  safer,
  example: { before, bad: "ALTER TABLE users ENABLE ROW LEVEL SECURITY;", good: otherwise },
  exemptsNewTables: true,
  check: closing((statement, context) => [
    ...alterationsOf(statement, context)
      .filter(({ command }) => /RowSecurity$/.test(command.subtype ?? ""))
      .map(({ command, table }) => {
        const [verb = ""] = /(?<=^AT_)(?:Enable|Disable|NoForce|Force)/.exec(command.subtype ?? "") ?? [];
        const words = verb.replace("NoF", "No F").toUpperCase();
        return forAll(`${words} ROW LEVEL SECURITY`, table);
      }),
    ...created(statement, context, (node) => {
      if ("CreatePolicyStmt" in node)
        return [`CREATE POLICY ${node.CreatePolicyStmt.policy_name}`, node.CreatePolicyStmt.table];
      return "AlterPolicyStmt" in node
        ? [`ALTER POLICY ${node.AlterPolicyStmt.policy_name}`, node.AlterPolicyStmt.table]
        : [];
    }).map(({ what, table }) => forAll(what, table)),
    ...dropped(statement, context, "POLICY"),
  ]),
};

const rule: LintRule = {
  id: "rule-locks-table",
  topic: "locks",
  severity: "info",
  title: "A rule of a table that is in use",
  why: [
    "CREATE and DROP RULE take an AccessExclusiveLock: reads and writes of the table wait until the transaction ends. Rules rewrite queries in ways that surprise; a trigger says the same more plainly.",
  ],
  safer,
  example: {
    before,
    bad: "CREATE RULE users_keep AS ON DELETE TO users DO INSTEAD NOTHING;",
    good: otherwise,
  },
  exemptsNewTables: true,
  check: closing((statement, context) => [
    ...created(statement, context, (node) =>
      "RuleStmt" in node ? [`CREATE RULE ${node.RuleStmt.rulename}`, node.RuleStmt.relation] : [],
    ).map(({ what, table }) => forAll(what, table)),
    ...dropped(statement, context, "RULE"),
  ]),
};

const lockTable: LintRule = {
  id: "lock-table",
  topic: "locks",
  severity: "warning",
  title: "LOCK TABLE in a mode that stops writes",
  why: [
    "From SHARE on, writes to the table wait until the transaction ends; in ACCESS EXCLUSIVE, which is what LOCK TABLE takes without a mode, reads too.",
  ],
  safer:
    "Let the statements take the locks that they need; where an order of locks matters, put them into one short migration.",
  example: { before, bad: "LOCK TABLE users;", good: ["LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE;"] },
  looksAt: ["LockStmt"],
  exemptsNewTables: true,
  check({ node, runs }, context) {
    if (runs === "called" || !("LockStmt" in node)) return [];
    const mode = explicitMode(node.LockStmt.mode);
    if (mode === undefined || !stopsWrites(mode)) return [];
    return (node.LockStmt.relations ?? []).flatMap((relation): readonly LintHit[] => {
      if (!("RangeVar" in relation)) return [];
      const table = tableOf(context, relation.RangeVar);
      const message = `LOCK TABLE takes an ${mode}Lock on ${formatName(table)} until the transaction ends`;
      return [{ message: message.replace("an Share", "a Share"), table, location: relation.RangeVar.location }];
    });
  },
};

export const objectLockRules: readonly LintRule[] = [trigger, policy, rule, lockTable];
