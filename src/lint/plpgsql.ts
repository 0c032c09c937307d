import type { Node, Parser } from "../db/parse.js";
import { createFinder, type Finder } from "./body-finder.js";

/** What a PL/pgSQL body does, in the order of its text. Offsets are those of the body. */
export type BodyStep = SqlStep | UnknownStep;

interface SqlStep {
  readonly kind: "sql";
  readonly text: string;
  readonly isGuarded: boolean;
  readonly conditions: readonly string[];
  /** Where an offset of `text` is in the body. */
  toBody(at: number): number;
}

interface UnknownStep {
  readonly kind: "unknown";
  readonly offset: number;
  readonly why: string;
}

/** The statements of a body, from the tree that `parseBody` made of it. */
export function stepsOf(parser: Parser, tree: unknown, body: string): readonly BodyStep[] {
  const walk: Walk = { parser, body, steps: [], finder: createFinder(body) };
  const functions = listOf(fieldOf(tree, "plpgsql_funcs"));
  for (const one of functions) {
    visit(walk, fieldOf(fieldOf(one, "PLpgSQL_function"), "action"), { isGuarded: false, conditions: [] });
  }
  return walk.steps;
}

interface Walk {
  readonly parser: Parser;
  readonly body: string;
  readonly steps: BodyStep[];
  readonly finder: Finder;
}

interface Guard {
  readonly isGuarded: boolean;
  readonly conditions: readonly string[];
}

function visit(walk: Walk, wrapped: unknown, guard: Guard): void {
  const [kind, statement] = unwrap(wrapped);
  const inside = { ...guard, isGuarded: true };
  const all = (name: string) => visitAll(walk, fieldOf(statement, name), inside);
  if (kind === "PLpgSQL_stmt_block") visitBlock(walk, statement, guard);
  else if (kind === "PLpgSQL_stmt_if") visitIf(walk, statement, guard);
  else if (kind === "PLpgSQL_stmt_case") {
    for (const when of listOf(fieldOf(statement, "case_when_list"))) {
      visitAll(walk, fieldOf(unwrap(when)[1], "stmts"), inside);
    }
    all("else_stmts");
  } else {
    visitQueries(walk, { kind, statement, guard });
    // Whatever kind of loop it is, its statements are its body.
    all("body");
  }
}

/** Statements in their order: those behind `IF done THEN RETURN; END IF` are guarded by it. */
function visitAll(walk: Walk, statements: unknown, guard: Guard): void {
  let within = guard;
  for (const one of listOf(statements)) {
    visit(walk, one, within);
    const condition = leavingCondition(one);
    if (condition !== undefined) {
      within = { isGuarded: true, conditions: [...within.conditions, `NOT (${condition})`] };
    }
  }
}

/** The condition of an IF that ends with RETURN, EXIT or CONTINUE. */
function leavingCondition(wrapped: unknown): string | undefined {
  const [kind, statement] = unwrap(wrapped);
  if (kind !== "PLpgSQL_stmt_if") return undefined;
  const [last] = unwrap(listOf(fieldOf(statement, "then_body")).at(-1));
  return /_(?:return|exit)$/.test(last) ? queryIn(fieldOf(statement, "cond")) : undefined;
}

function visitBlock(walk: Walk, block: unknown, guard: Guard): void {
  const handlers = listOf(fieldOf(unwrap(fieldOf(block, "exceptions"))[1], "exc_list"));
  const within = { ...guard, isGuarded: guard.isGuarded || handlers.length > 0 };
  visitAll(walk, fieldOf(block, "body"), within);
  for (const handler of handlers) visitAll(walk, fieldOf(unwrap(handler)[1], "action"), within);
}

function visitIf(walk: Walk, statement: unknown, guard: Guard): void {
  const before: string[] = [];
  const branch = (condition: string | undefined, statements: unknown) => {
    const negated = before.map((one) => `NOT (${one})`);
    const own = condition === undefined ? [] : [condition];
    const within = { isGuarded: true, conditions: [...guard.conditions, ...negated, ...own] };
    visitAll(walk, statements, within);
    before.push(...own);
  };
  branch(queryIn(fieldOf(statement, "cond")), fieldOf(statement, "then_body"));
  for (const wrapped of listOf(fieldOf(statement, "elsif_list"))) {
    const elsif = unwrap(wrapped)[1];
    branch(queryIn(fieldOf(elsif, "cond")), fieldOf(elsif, "stmts"));
  }
  branch(undefined, fieldOf(statement, "else_body"));
}

/** The fields that hold a statement, and those that hold an expression whose value is one. */
const queryFields = ["sqlstmt", "expr", "query"];
const withStatement = /_(?:execsql|perform|call|fors|return_query|open)$/;

function visitQueries(
  walk: Walk,
  { kind, statement, guard }: { kind: string; statement: unknown; guard: Guard },
): void {
  const line = Number(fieldOf(statement, "lineno") ?? 0);
  const dynamic = queryIn(fieldOf(statement, /_dyn/.test(kind) ? "query" : "dynquery"));
  if (dynamic !== undefined) {
    visitDynamic(walk, { expression: dynamic, line, guard });
    return;
  }
  if (!withStatement.test(kind)) return;
  for (const name of queryFields) {
    const text = queryIn(fieldOf(statement, name));
    if (text === undefined) continue;
    const isAltered = fieldOf(statement, "into") === true;
    const toBody =
      kind === "PLpgSQL_stmt_perform" ? walk.finder.perform(text, line) : walk.finder.find(text, line, isAltered);
    walk.steps.push({ kind: "sql", text, ...guard, toBody });
  }
}

interface Dynamic {
  readonly expression: string;
  readonly line: number;
  readonly guard: Guard;
}

/** EXECUTE of a constant is a statement like any other. */
function visitDynamic(walk: Walk, { expression, line, guard }: Dynamic): void {
  const toBody = walk.finder.find(expression, line, false);
  const text = constantOf(walk.parser, expression);
  if (text === undefined) {
    walk.steps.push({
      kind: "unknown",
      offset: toBody(0),
      why: "EXECUTE of a statement that is put together at run time",
    });
    return;
  }
  const within = expression.indexOf(text);
  const inText = (at: number) => toBody(within === -1 ? 0 : within + at);
  walk.steps.push({ kind: "sql", text, ...guard, toBody: inText });
}

/** The text of a string constant, or of several put together with `||`. */
function constantOf(parser: Parser, expression: string): string | undefined {
  const node = parser.parse(`SELECT ${expression}`)[0]?.node;
  const target = node && "SelectStmt" in node ? node.SelectStmt.targetList?.[0] : undefined;
  return target && "ResTarget" in target ? foldText(target.ResTarget.val) : undefined;
}

function foldText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ("A_Const" in node) return "sval" in node.A_Const ? node.A_Const.sval?.sval : undefined;
  if (!("A_Expr" in node)) return undefined;
  const { name, lexpr, rexpr } = node.A_Expr;
  const operator = name?.[0];
  if (!operator || !("String" in operator) || operator.String.sval !== "||") return undefined;
  const [left, right] = [foldText(lexpr), foldText(rexpr)];
  return left === undefined || right === undefined ? undefined : left + right;
}

function queryIn(wrapped: unknown): string | undefined {
  const query = fieldOf(fieldOf(wrapped, "PLpgSQL_expr"), "query");
  return typeof query === "string" ? query : undefined;
}

function unwrap(wrapped: unknown): readonly [string, unknown] {
  if (typeof wrapped !== "object" || wrapped === null) return ["", undefined];
  return Object.entries(wrapped)[0] ?? ["", undefined];
}

function fieldOf(tree: unknown, name: string): unknown {
  return typeof tree === "object" && tree !== null ? Reflect.get(tree, name) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
