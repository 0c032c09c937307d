import type { ResTarget } from "libpg-query";
import type { Node } from "../db/parse.js";
import { stringsIn } from "./names.js";
import { nodesOf } from "./tree.js";

/** A column that SET gives another value each time it runs, and what makes it another one. */
export interface RepeatedAssignment {
  readonly column: string;
  readonly reason: "computed from the old one" | "taken from the clock" | "made by chance";
}

/**
 * The column that SET gives another value each time it runs: one made of a column that it sets, or of the clock or chance.
 * Undefined when all are the same the second time, or when WHERE leaves the rows out that are done.
 */
export function repeatedAssignment(
  targets: readonly Node[] | undefined,
  where: Node | undefined,
  table: string,
): RepeatedAssignment | undefined {
  const assignments = (targets ?? []).flatMap((target) => ("ResTarget" in target ? [target.ResTarget] : []));
  const columns = new Set(assignments.map(({ name }) => name ?? ""));
  if (leavesOutDone(where, columns, table) || leavesOutEqual(where, assignments)) return undefined;
  const repeated = assignments.flatMap(({ name: column = "", val }): readonly RepeatedAssignment[] => {
    const reason = usesOwn(val, columns, table) ? "computed from the old one" : unsteadiness(val);
    return reason === undefined ? [] : [{ column, reason }];
  });
  // The worst of them: a time is the least of it.
  return repeated.find(({ reason }) => reason !== "taken from the clock") ?? repeated[0];
}

/** An expression over a column that is set, but for forms that give the same when applied twice. */
function usesOwn(value: Node | undefined, columns: ReadonlySet<string>, table: string): boolean {
  if (value === undefined) return false;
  if (!refersTo(value, columns, table)) return false;
  // `a = a`, and `(a, b) = (b, a)`, which is a swap.
  if ("ColumnRef" in value) return columns.size > 1;
  if ("TypeCast" in value) return usesOwn(value.TypeCast.arg, columns, table);
  if ("CoalesceExpr" in value) return anyUses(value.CoalesceExpr.args, columns, table);
  if ("MinMaxExpr" in value) return anyUses(value.MinMaxExpr.args, columns, table);
  if ("FuncCall" in value && steadyFunctions.has(stringsIn(value.FuncCall.funcname).at(-1) ?? "")) {
    return anyUses(value.FuncCall.args, columns, table);
  }
  return true;
}

function anyUses(values: readonly Node[] | undefined, columns: ReadonlySet<string>, table: string): boolean {
  return (values ?? []).some((value) => usesOwn(value, columns, table));
}

/** `f(f(x)) = f(x)`. */
const steadyFunctions = new Set([
  ...["lower", "upper", "initcap", "btrim", "ltrim", "rtrim", "trim", "abs", "floor", "ceil", "ceiling", "round"],
  ...["trunc", "date_trunc", "nullif", "left", "normalize", "to_jsonb"],
]);

function refersTo(tree: unknown, columns: ReadonlySet<string>, table: string): boolean {
  return nodesOf(tree, "ColumnRef").some(({ fields }) => {
    const parts = stringsIn(fields);
    const isOwn = parts.length === 1 || parts.at(-2) === table;
    return isOwn && columns.has(parts.at(-1) ?? "");
  });
}

/** Another value at another time. */
function unsteadiness(value: Node | undefined): "taken from the clock" | "made by chance" | undefined {
  const calls = nodesOf(value, "FuncCall").map(({ funcname }) => stringsIn(funcname).at(-1) ?? "");
  if (calls.some((name) => chanceFunctions.has(name))) return "made by chance";
  const asksClock = calls.some((name) => clockFunctions.has(name)) || nodesOf(value, "SQLValueFunction").some(isClock);
  return asksClock ? "taken from the clock" : undefined;
}

function isClock({ op = "SVFOP_CURRENT_DATE" }: { readonly op?: string }): boolean {
  return /DATE|TIME/.test(op);
}

const clockFunctions = new Set(["now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday"]);

const chanceFunctions = new Set([
  ...["random", "random_normal", "nextval", "gen_random_uuid", "uuidv4", "uuidv7", "uuid_generate_v1"],
  ...["uuid_generate_v1mc", "uuid_generate_v4", "gen_random_bytes", "gen_salt"],
]);

/** WHERE asks whether the column has not yet the very value that it gets: `SET a = b WHERE a < b`. */
function leavesOutEqual(where: Node | undefined, assignments: readonly ResTarget[]): boolean {
  return nodesOf(where, "A_Expr").some(({ name, lexpr, rexpr }) => {
    if (!/^(?:<|>|<>)$/.test(stringsIn(name)[0] ?? "")) return false;
    const sides = [
      [lexpr, rexpr],
      [rexpr, lexpr],
    ] as const;
    return sides.some(([own, value]) => {
      const column = own !== undefined && "ColumnRef" in own ? stringsIn(own.ColumnRef.fields).at(-1) : undefined;
      return assignments.some(({ name: set, val }) => set === column && shapeOf(val) === shapeOf(value));
    });
  });
}

/** An expression without its places. */
function shapeOf(value: Node | undefined): string {
  return JSON.stringify(value ?? null, (key, inner: unknown) => (key === "location" ? undefined : inner));
}

/** WHERE asks a column that is set whether it is still undone: IS NULL, = 'old', NOT done, NOT LIKE, IS DISTINCT FROM. */
function leavesOutDone(where: Node | undefined, columns: ReadonlySet<string>, table: string): boolean {
  if (where === undefined) return false;
  const isOwn = (tree: unknown) => refersTo(tree, columns, table);
  const comparisons = nodesOf(where, "A_Expr").filter(({ kind, name }) => {
    const operator = stringsIn(name)[0] ?? "";
    return (
      kind === "AEXPR_DISTINCT" ||
      (kind === "AEXPR_OP" && operator === "=") ||
      kind === "AEXPR_IN" ||
      operator.startsWith("!~")
    );
  });
  return (
    nodesOf(where, "NullTest").some(({ arg, nulltesttype }) => nulltesttype !== "IS_NOT_NULL" && isOwn(arg)) ||
    nodesOf(where, "BooleanTest").some(({ arg }) => isOwn(arg)) ||
    nodesOf(where, "BoolExpr").some(
      ({ boolop, args }) => boolop === "NOT_EXPR" && (isOwn(args) || nodesOf(args, "SubLink").length > 0),
    ) ||
    comparisons.some(({ lexpr, rexpr }) => isOwn(lexpr) || isOwn(rexpr))
  );
}
