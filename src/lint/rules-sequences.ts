import { stringsIn } from "./names.js";
import type { LintHit, LintRule, LintStatement } from "./rule.js";
import { alterCommands, defElem, nodesOf } from "./tree.js";

/* Sequences that a second run moves, and other things that a call makes anew: I10 of the notes. */

const sequenceMoved: LintRule = {
  id: "sequence-moved",
  topic: "idempotence",
  severity: "warning",
  title: "A sequence is set, restarted or advanced",
  why: [
    "setval and RESTART with a number take a sequence back to it when they run again, after the app has gone on: its next numbers are taken, and INSERTs fail with 23505. nextval leaves a gap each time. None of them is undone by a rollback, but for RESTART.",
  ],
  safer: "SELECT setval('s', greatest(max(id), 1)) FROM t: the same at any time.",
  example: {
    before: "CREATE SEQUENCE tickets;",
    bad: "SELECT setval('tickets', 1000);",
    good: ["CREATE SEQUENCE IF NOT EXISTS tickets START 1000;"],
  },
  looksAt: ["SelectStmt", "AlterSeqStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check(statement) {
    if (statement.runs === "called" || statement.isGuarded) return [];
    return [...calls(statement), ...restarts(statement)];
  },
};

const slotCall: LintRule = {
  id: "unguarded-catalog-call",
  topic: "idempotence",
  severity: "warning",
  title: "A call makes or drops something by name, and fails when it runs again",
  why: [
    "pg_create_logical_replication_slot and its like fail with 42710 (duplicate_object) where the name is taken, and those that drop with 42704 (undefined_object).",
  ],
  safer: "SELECT … WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = …).",
  example: {
    bad: "SELECT pg_create_logical_replication_slot('stream', 'pgoutput');",
    good: [
      "SELECT pg_create_logical_replication_slot('stream', 'pgoutput')\n  WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'stream');",
    ],
  },
  looksAt: ["SelectStmt"],
  exemptsNewTables: false,
  check({ node, runs, isGuarded }) {
    if (runs === "called" || isGuarded || !("SelectStmt" in node) || nodesOf(node, "SubLink").length > 0) return [];
    const called = nodesOf(node, "FuncCall").map(({ funcname }) => stringsIn(funcname).at(-1) ?? "");
    return called
      .filter((name) =>
        /^pg_(?:create_(?:logical|physical)_replication_slot|drop_replication_slot|replication_origin_(?:create|drop))$/.test(
          name,
        ),
      )
      .map((name) => ({ message: `A second call of ${name} fails` }));
  },
};

function calls({ node }: LintStatement): readonly LintHit[] {
  if (!("SelectStmt" in node)) return [];
  return nodesOf(node, "FuncCall").flatMap(({ funcname, args, location }): readonly LintHit[] => {
    const name = stringsIn(funcname).at(-1);
    const place = location === undefined ? {} : { location };
    if (name === "nextval") return [{ message: "nextval takes another number with each run", ...place }];
    const [, value] = args ?? [];
    // A value that is looked up in the table is right at any time.
    const isConstant =
      name === "setval" &&
      nodesOf([value], "ColumnRef").length +
        nodesOf([value], "SubLink").length +
        nodesOf([value], "FuncCall").length ===
        0;
    return isConstant ? [{ message: "setval takes the sequence back to this number with each run", ...place }] : [];
  });
}

function restarts(statement: LintStatement): readonly LintHit[] {
  const { node } = statement;
  const options = "AlterSeqStmt" in node ? (node.AlterSeqStmt.options ?? []) : [];
  const identity = alterCommands(statement).flatMap(({ subtype, def }) =>
    subtype === "AT_SetIdentity" && def !== undefined && "List" in def ? (def.List.items ?? []) : [],
  );
  if (defElem([...options, ...identity], "restart") === undefined) return [];
  return [{ message: "RESTART takes the sequence back to its beginning with each run" }];
}

export const sequenceRules: readonly LintRule[] = [sequenceMoved, slotCall];
