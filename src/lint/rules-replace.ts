import type { CreateFunctionStmt, ViewStmt } from "libpg-query";
import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import { effectsOfFile } from "./effects.js";
import { groupBy } from "./group-by.js";
import { nameFromParts, stringsIn } from "./names.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintRule } from "./rule.js";
import { formatTypeName } from "./type-name.js";

/* What OR REPLACE cannot replace: I05 of the notes. */

const replaceViewColumns: LintRule = {
  id: "replace-view-columns",
  topic: "idempotence",
  severity: "info",
  title: "CREATE OR REPLACE VIEW of a view that is there",
  why: [
    "It may only add columns at the end. One column less, another name, order or type fails with 42P16 (invalid_table_definition). A file that makes a view twice, the second time with more columns, therefore fails when it runs again.",
  ],
  safer: "Keep the columns and add new ones at the end; else DROP VIEW IF EXISTS and CREATE VIEW in one transaction.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
    bad: "CREATE OR REPLACE VIEW members AS SELECT id, name FROM users;\nCREATE OR REPLACE VIEW members AS SELECT name FROM users;",
    good: ["DROP VIEW IF EXISTS members;\nCREATE VIEW members AS SELECT name FROM users;"],
  },
  looksAt: ["ViewStmt"],
  exemptsNewTables: false,
  check({ node, runs }, context) {
    if (runs === "called" || !("ViewStmt" in node) || !node.ViewStmt.replace || !node.ViewStmt.view) return [];
    const view = context.model.resolve(node.ViewStmt.view);
    const label = formatName(view);
    const since = lastDrop("view", view.name, context);
    const earlier = viewsSince(since, view, context);
    const columns = columnsOf(node.ViewStmt);
    for (const one of earlier) {
      const before = columnsOf(one);
      if (before === undefined || columns === undefined) continue;
      const at = before.findIndex((column, index) => column !== columns[index]);
      const message =
        at >= 0
          ? `View ${label} has ${before[at]} as column ${at + 1} by an earlier statement: this one fails`
          : `A second run makes view ${label} with fewer columns before this statement, and fails there`;
      if (at >= 0 || (since < 0 && before.length < columns.length)) return [{ message, severity: "error" }];
    }
    if (earlier.length > 0 || since >= 0 || !context.model.has("view", view)) return [];
    return [{ message: `View ${label} is there: its columns must stay as they are, new ones at the end` }];
  },
};

const replaceFunctionSignature: LintRule = {
  id: "replace-function-signature",
  topic: "idempotence",
  severity: "error",
  title: "CREATE OR REPLACE FUNCTION that cannot replace",
  why: [
    "Another return type fails with 42P13 (invalid_function_definition). Other arguments make a second function beside the first: where both fit because of a DEFAULT, calls fail with 42725 (ambiguous_function), at run time.",
  ],
  safer: "DROP FUNCTION IF EXISTS with the old arguments, then CREATE, in one transaction.",
  example: {
    bad: "CREATE OR REPLACE FUNCTION score(n int) RETURNS int LANGUAGE sql AS 'SELECT n';\nCREATE OR REPLACE FUNCTION score(n int, factor int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT n * factor';",
    good: [
      "DROP FUNCTION IF EXISTS score(int);\nCREATE OR REPLACE FUNCTION score(n int, factor int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT n * factor';",
    ],
  },
  looksAt: ["CreateFunctionStmt"],
  exemptsNewTables: false,
  check({ node, runs }, context) {
    if (runs === "called" || !("CreateFunctionStmt" in node) || !node.CreateFunctionStmt.replace) return [];
    const now = shapeOf(node.CreateFunctionStmt, context);
    const label = formatName(now.name);
    const since = lastDrop("function", now.name.name, context);
    const all = functionsOf(now.name, context);
    const end = all.findLast(({ index, args }) => index > context.index && args.join() === now.args.join());
    if (since < 0 && end !== undefined && end.result !== now.result) {
      return [{ message: `By the end of the file ${label} returns ${end.result}: a second run fails here` }];
    }
    if (since >= 0) return [];
    const others = all.filter(({ index }) => index < context.index);
    const same = others.find(({ args }) => args.join() === now.args.join());
    const rival = others.find((one) => one !== same && isAmbiguous(one, now));
    if (rival !== undefined) {
      return [{ message: `${label} is there with (${rival.args.join(", ")}) too: calls that fit both fail` }];
    }
    const mayOverload = others.length === 0 && now.needed < now.args.length && context.model.has("function", now.name);
    if (!mayOverload) return [];
    const message = `If ${label} is there with other arguments, this makes a second one, and calls that fit both fail`;
    return [{ message, severity: "warning" }];
  },
};

/** The place of the last DROP of that name before this statement, -1 without one. */
function lastDrop(kind: "view" | "function", name: string, context: LintContext): number {
  const drops = dropsByName(context).get(`${kind} ${name}`) ?? [];
  return drops.findLast(({ index }) => index < context.index)?.index ?? -1;
}

const dropsByName = perFile((context) =>
  groupBy(effectsOfFile(context).all, ({ effect: { action, kind, name } }) =>
    action === "drop" ? [`${kind} ${name}`] : [],
  ),
);

/** The statements that make a view, between a place and this statement. */
function viewsSince(since: number, view: QualifiedName, context: LintContext): readonly ViewStmt[] {
  const all = definitionsByName(context).get(view.name) ?? [];
  return all.flatMap(({ node, index }) => {
    const made = "ViewStmt" in node && since < index && index < context.index ? node.ViewStmt : undefined;
    return made?.view && isSameName(context.model.resolve(made.view), view) ? [made] : [];
  });
}

/** All that make a function of that name, whatever its arguments. */
function functionsOf(name: QualifiedName, context: LintContext): readonly (Shape & { readonly index: number })[] {
  const all = definitionsByName(context).get(name.name) ?? [];
  return all.flatMap(({ node, index }) => {
    const shape = "CreateFunctionStmt" in node ? shapeOf(node.CreateFunctionStmt, context) : undefined;
    return shape && isSameName(shape.name, name) ? [{ ...shape, index }] : [];
  });
}

/** The views and functions that a file makes, by their names without schema. */
const definitionsByName = perFile(({ statements }) => {
  const made = statements.flatMap(({ node, runs }, index) => (runs === "now" ? [{ node, index }] : []));
  return groupBy(made, ({ node }) => {
    if ("ViewStmt" in node) return [node.ViewStmt.view?.relname ?? ""];
    return "CreateFunctionStmt" in node ? stringsIn(node.CreateFunctionStmt.funcname).slice(-1) : [];
  });
});

/** The names of a view's columns; undefined where only the server knows them. */
function columnsOf({ aliases, query }: ViewStmt): readonly string[] | undefined {
  if (aliases !== undefined) return stringsIn(aliases);
  const targets = query !== undefined && "SelectStmt" in query ? query.SelectStmt.targetList : undefined;
  const names = targets?.map((target) =>
    "ResTarget" in target ? (target.ResTarget.name ?? nameOf(target.ResTarget.val)) : undefined,
  );
  return names?.every((name) => name !== undefined) ? names.flatMap((name) => name ?? []) : undefined;
}

function nameOf(value: Node | undefined): string | undefined {
  if (value === undefined) return undefined;
  if ("ColumnRef" in value) {
    const fields = value.ColumnRef.fields ?? [];
    return fields.some((field) => "A_Star" in field) ? undefined : stringsIn(fields).at(-1);
  }
  return "FuncCall" in value ? stringsIn(value.FuncCall.funcname).at(-1) : undefined;
}

function shapeOf({ funcname, parameters = [], returnType }: CreateFunctionStmt, context: LintContext) {
  const inputs = parameters.flatMap((node) =>
    "FunctionParameter" in node && !/OUT$|TABLE$/.test(node.FunctionParameter.mode?.replace("INOUT", "IN") ?? "")
      ? [node.FunctionParameter]
      : [],
  );
  return {
    name: context.model.resolve(nameFromParts(stringsIn(funcname))),
    args: inputs.map(({ argType }) => formatTypeName(argType)),
    needed: inputs.filter(({ defexpr }) => defexpr === undefined).length,
    result: `${returnType?.setof ? "SETOF " : ""}${formatTypeName(returnType)}`,
  };
}

type Shape = ReturnType<typeof shapeOf>;

/** True when a call with some number of arguments fits both. */
function isAmbiguous(one: Shape, other: Shape): boolean {
  const [from, to] = [Math.max(one.needed, other.needed), Math.min(one.args.length, other.args.length)];
  if (from > to || (one.needed === one.args.length && other.needed === other.args.length)) return false;
  return one.args.slice(0, from).join() === other.args.slice(0, from).join();
}

export const replaceRules: readonly LintRule[] = [replaceViewColumns, replaceFunctionSignature];
