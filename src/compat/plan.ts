import type { Node } from "../db/parse.js";
import { isRecord, nodesIn } from "./tree.js";

/** A table that a query writes, as its plan names it: a view's own table, not the view. */
export interface PlannedWrite {
  readonly schema: string;
  readonly table: string;
  readonly operation: "Insert" | "Update" | "Delete" | "Merge";
  /**
   * What an INSERT puts into each column of the table, dropped ones included, as the plan words it: `$1`, `NULL::text`,
   * `now()`. Undefined for other operations.
   */
  readonly values: readonly string[] | undefined;
  /** The columns that the INSERT actions of a MERGE list; an action without a list is left out. */
  readonly mergeColumns: readonly (readonly string[])[];
}

/** The writes in a plan of EXPLAIN (VERBOSE, FORMAT JSON). */
export function readWrites(plan: unknown, query: Node): readonly PlannedWrite[] {
  return plansIn(plan).flatMap((node): readonly PlannedWrite[] => {
    const operation = operations.find((known) => known === node["Operation"]);
    const [schema, table] = [node["Schema"], node["Relation Name"]];
    if (node["Node Type"] !== "ModifyTable" || !operation) return [];
    if (typeof schema !== "string" || typeof table !== "string") return [];
    const mergeColumns = operation === "Merge" ? mergeInserts(query) : [];
    return [{ schema, table, operation, values: operation === "Insert" ? valuesOf(node) : undefined, mergeColumns }];
  });
}

const operations = ["Insert", "Update", "Delete", "Merge"] as const;

type PlanNode = Readonly<Record<string, unknown>>;

function plansIn(tree: unknown): readonly PlanNode[] {
  if (Array.isArray(tree)) return tree.flatMap(plansIn);
  if (!isRecord(tree)) return [];
  return [...("Node Type" in tree ? [tree] : []), ...Object.values(tree).flatMap(plansIn)];
}

/** The outer plan of an INSERT makes whole rows; the others are subqueries. */
function valuesOf(modification: PlanNode): readonly string[] | undefined {
  const children: readonly unknown[] = Array.isArray(modification["Plans"]) ? modification["Plans"] : [];
  const outer = children.filter(isRecord).find((child) => child["Parent Relationship"] === "Outer");
  const output = outer?.["Output"];
  return Array.isArray(output) ? output.map(String) : undefined;
}

function mergeInserts(query: Node): readonly (readonly string[])[] {
  return [...nodesIn(query)]
    .filter(({ kind, value }) => kind === "MergeWhenClause" && value["commandType"] === "CMD_INSERT")
    .map(({ value }) => [...nodesIn(value["targetList"])].filter(({ kind }) => kind === "ResTarget"))
    .filter((targets) => targets.length > 0)
    .map((targets) => targets.flatMap(({ value }) => (typeof value["name"] === "string" ? [value["name"]] : [])));
}
