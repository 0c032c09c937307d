import type { FuncCall } from "libpg-query";
import type { Node } from "../db/parse.js";
import { stringsIn } from "./names.js";

/** The search_path that a statement sets, by SET or `SELECT set_config(…)`; undefined when it sets none. */
export function searchPathOf(node: Node): readonly string[] | undefined {
  if ("VariableSetStmt" in node) {
    const { name, args = [] } = node.VariableSetStmt;
    return name === "search_path" ? pathOf(args.flatMap(constantText)) : undefined;
  }
  const targets = "SelectStmt" in node ? (node.SelectStmt.targetList ?? []) : [];
  const values = targets.flatMap((target) => ("ResTarget" in target ? [target.ResTarget.val] : []));
  return values
    .map((value) => (value && "FuncCall" in value ? configured(value.FuncCall) : undefined))
    .find(Array.isArray);
}

function configured({ funcname, args = [] }: FuncCall): readonly string[] | undefined {
  if (stringsIn(funcname).at(-1) !== "set_config") return undefined;
  const [name, value] = args.map((node) => constantText(node)[0]);
  if (name !== "search_path" || value === undefined) return undefined;
  return pathOf(value.split(",").map((part) => part.trim().replace(/^"(.*)"$/, "$1")));
}

/** `"$user"` is a schema that hardly anybody has. */
function pathOf(schemas: readonly string[]): readonly string[] {
  const named = schemas.filter((schema) => schema !== "$user" && schema !== "");
  return named.length > 0 ? named : ["public"];
}

function constantText(node: Node): readonly string[] {
  if (!("A_Const" in node)) return [];
  const text = "sval" in node.A_Const ? node.A_Const.sval?.sval : undefined;
  return text === undefined ? [] : [text];
}
