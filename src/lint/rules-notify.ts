import { stringsIn } from "./names.js";
import type { LintRule } from "./rule.js";
import { nodesOf } from "./tree.js";

/* R03 of the notes. */

const notifyWholeRow: LintRule = {
  id: "notify-whole-row",
  topic: "realtime",
  severity: "warning",
  title: "A trigger notifies with the whole row",
  why: [
    "A payload of 8000 bytes or more fails with 22023 (“payload string too long”) and takes the writer's transaction with it. A row grows over that with the first long text, months later.",
  ],
  safer: "Send the id, and let the listener read the row.",
  example: {
    before: "CREATE TABLE messages (id bigint PRIMARY KEY, body text);",
    bad: "CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  PERFORM pg_notify('messages', row_to_json(NEW)::text);\n  RETURN NEW;\nEND $$;",
    good: [
      "CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  PERFORM pg_notify('messages', NEW.id::text);\n  RETURN NEW;\nEND $$;",
    ],
  },
  exemptsNewTables: false,
  check(statement) {
    if (statement.container === undefined || !/pg_notify/i.test(statement.text)) return [];
    // The container's own tree has no more of its body than a string.
    const calls = nodesOf(statement.node, "FuncCall").filter(
      ({ funcname }) => stringsIn(funcname).at(-1) === "pg_notify",
    );
    return calls.flatMap(({ args, location }) => {
      const direct = rowIn(args?.[1]);
      const throughVariable = nodesOf(args?.[1], "ColumnRef").some(({ fields }) =>
        assignsRow(statement.container?.text ?? "", stringsIn(fields).at(-1) ?? ""),
      );
      if (!direct && !throughVariable) return [];
      const place = location === undefined ? {} : { location };
      return [{ message: "pg_notify sends a whole row, which fails as soon as one has 8000 bytes", ...place }];
    });
  },
};

const rowFunctions = new Set(["row_to_json", "to_json", "to_jsonb", "hstore", "json_agg", "jsonb_agg"]);

/** True for `row_to_json(NEW)`, `json_build_object('row', to_jsonb(NEW))`, `NEW::text`. */
function rowIn(expression: unknown): boolean {
  const isRow = (tree: unknown) =>
    nodesOf(tree, "ColumnRef").some(
      ({ fields }) => fields?.length === 1 && /^(?:new|old)$/.test(stringsIn(fields)[0] ?? ""),
    );
  const calls = nodesOf(expression, "FuncCall").filter(({ funcname }) =>
    rowFunctions.has(stringsIn(funcname).at(-1) ?? ""),
  );
  return calls.some(({ args }) => isRow(args)) || nodesOf(expression, "TypeCast").some(({ arg }) => isRow(arg));
}

/** `payload := row_to_json(NEW)`, also in DECLARE. */
function assignsRow(body: string, variable: string): boolean {
  if (!/^\w+$/.test(variable)) return false;
  const assignment = new RegExp(
    `\\b${variable}\\b[^;:=]*:?=[^;]*\\b(?:row_to_json|to_jsonb?)\\s*\\(\\s*(?:new|old)\\s*\\)`,
    "i",
  );
  return assignment.test(body);
}

export const notifyRules: readonly LintRule[] = [notifyWholeRow];
