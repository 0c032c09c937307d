import type { Node } from "../db/parse.js";

/** One node of a syntax tree: its kind, and what it holds. */
export interface TreeNode {
  readonly kind: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Every node below and including this one. Node kinds begin with a capital letter, fields do not. */
export function* nodesIn(tree: unknown): Generator<TreeNode> {
  if (typeof tree !== "object" || tree === null) return;
  for (const [kind, value] of Object.entries(tree)) {
    if (/^[A-Z]/.test(kind) && isRecord(value)) yield { kind, value };
    yield* nodesIn(value);
  }
}

/** Each `$n`, with its place in the parser's own counting. */
export function parametersOf(node: Node): readonly { readonly number: number; readonly location: number }[] {
  return [...nodesIn(node)]
    .filter(({ kind }) => kind === "ParamRef")
    .map(({ value }) => ({ number: numberIn(value, "number"), location: numberIn(value, "location") }));
}

/** sqlc's own words for a parameter: `@name` reads as an operator, `sqlc.arg(name)` as a function of a schema. */
export function namedParameterOf(node: Node): string | undefined {
  for (const { kind, value } of nodesIn(node)) {
    if (kind === "FuncCall" && stringsIn(value["funcname"])[0] === "sqlc")
      return `${stringsIn(value["funcname"]).join(".")}()`;
    const isAbsolute = kind === "A_Expr" && value["lexpr"] === undefined && stringsIn(value["name"])[0] === "@";
    const operand = isRecord(value["rexpr"]) ? value["rexpr"]["ColumnRef"] : undefined;
    if (isAbsolute && isRecord(operand)) return `@${stringsIn(operand["fields"]).join(".")}`;
  }
  return undefined;
}

/** Schemas of the relations that a statement names; undefined for one without a schema that is not the catalog's. */
export function schemasIn(node: Node): readonly (string | undefined)[] {
  return relationsIn(node).map(({ schemaname, relname }) =>
    typeof schemaname === "string" ? schemaname : /^pg_/.test(String(relname)) ? "pg_catalog" : undefined,
  );
}

/** Of a RangeVar: wrapped as a node in FROM, bare as the target of INSERT, UPDATE, DELETE and MERGE. */
function relationsIn(tree: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!isRecord(tree)) return Array.isArray(tree) ? tree.flatMap(relationsIn) : [];
  return [...("relname" in tree ? [tree] : []), ...Object.values(tree).flatMap(relationsIn)];
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The texts of a list of String nodes: a qualified name. */
export function stringsIn(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item: unknown) => {
    const string = isRecord(item) ? item["String"] : undefined;
    return isRecord(string) && typeof string["sval"] === "string" ? [string["sval"]] : [];
  });
}

/** Zero is left out of the parser's trees. */
export function numberIn(value: Readonly<Record<string, unknown>>, field: string): number {
  const found = value[field];
  return typeof found === "number" ? found : 0;
}
