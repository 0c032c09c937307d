import { quoteName } from "../db/identifier.js";
import type { RelationGraph } from "./relations.js";
import type { ChosenRows } from "./rows-choice.js";
import { consequenceOf, type RowForeignKey } from "./rows-foreign-keys.js";
import { type RowReach, unitExpression } from "./rows-reach.js";

/** Why a row is in the closure: it was chosen, the server deletes it, we must delete it first, or it loses a reference. */
export type RowPart = "chosen" | "follows" | "blocks" | "detached";

export interface RowClosure {
  readonly graph: RelationGraph;
  readonly chosen: readonly ChosenRows[];
  readonly reach: RowReach;
}

/**
 * One SELECT of every row that goes, or changes, when the chosen ones are deleted: `relation` (oid), `id` (ctid),
 * `version` (its xmin), `part`, and `via`, the oid of the foreign key that leads to it (0 for a chosen row). A row that
 * goes is there once; one that loses references is there once for each. It writes nothing, so a standby can run it.
 *
 * A recursive query may name itself only once, and here every foreign key asks what was found last: so the one reference
 * is in a query of its own inside, which they all read. A row comes again for each foreign key that leads to it, and twice
 * at most for each, which ends every cycle. `is_forced` says that the way there goes over a foreign key that blocks.
 */
export function closureQuery({ graph, chosen, reach }: RowClosure): string {
  const detaching = oidArray(reach.foreignKeys.filter((key) => consequenceOf(key) === "detaches"));
  const blocking = oidArray(reach.foreignKeys.filter((key) => consequenceOf(key) === "blocks"));
  const seeds = chosen.map(
    ({ oid, condition }) => `SELECT tableoid, ctid, xmin::text::int8 FROM ${nameOf(graph, oid)} WHERE ${condition}`,
  );
  const steps = reach.foreignKeys.map((key) => stepQuery(graph, key));
  const recursion =
    steps.length === 0
      ? ""
      : `UNION (WITH roomctl_step AS MATERIALIZED (
           SELECT relation, id, is_forced FROM roomctl_reached WHERE via <> ALL (${detaching})
         ) ${steps.join(" UNION ALL ")})`;
  return `WITH RECURSIVE roomctl_chosen (relation, id, version) AS MATERIALIZED (${seeds.join(" UNION ALL ")}),
    roomctl_reached (relation, id, version, via, is_forced) AS (
      SELECT relation, id, version, 0::oid, false FROM roomctl_chosen ${recursion}
    ), roomctl_gone AS MATERIALIZED (
      SELECT relation, id, version,
             CASE WHEN bool_or(via = 0) THEN 'chosen' WHEN bool_or(NOT is_forced) THEN 'follows' ELSE 'blocks' END AS part,
             CASE WHEN bool_or(via = 0) THEN 0
                  WHEN bool_or(NOT is_forced) THEN min(via::int8) FILTER (WHERE NOT is_forced)
                  ELSE coalesce(min(via::int8) FILTER (WHERE via = ANY (${blocking})), min(via::int8)) END AS via
        FROM roomctl_reached
       WHERE via <> ALL (${detaching})
       GROUP BY relation, id, version
    )
    SELECT relation, id, version, part, via FROM roomctl_gone
    UNION ALL
    SELECT DISTINCT relation, id, version, 'detached', via::int8
      FROM roomctl_reached AS kept
     WHERE via = ANY (${detaching})
       AND NOT EXISTS (SELECT FROM roomctl_gone AS gone WHERE gone.relation = kept.relation AND gone.id = kept.id)`;
}

/** Rows that refer by one foreign key to what the last step found. */
function stepQuery(graph: RelationGraph, key: RowForeignKey): string {
  const isForced = consequenceOf(key) === "blocks" ? "true" : "step.is_forced";
  const parent = graph.relations.get(key.parent);
  const relation = parent?.kind === "partitioned" ? "parent.tableoid" : `${key.parent}::oid`;
  return `SELECT child.tableoid, child.ctid, child.xmin::text::int8, ${key.oid}::oid, ${isForced}
            FROM roomctl_step AS step
            JOIN ${expressionOf(graph, key.parent)} AS parent ON step.relation = ${relation} AND step.id = parent.ctid
            JOIN ${expressionOf(graph, key.child)} AS child ON ${key.match}`;
}

function oidArray(keys: readonly RowForeignKey[]): string {
  return `'{${keys.map(({ oid }) => oid).join(",")}}'::oid[]`;
}

function nameOf(graph: RelationGraph, oid: number): string {
  const relation = graph.relations.get(oid);
  return relation ? quoteName(relation) : "";
}

function expressionOf(graph: RelationGraph, oid: number): string {
  const relation = graph.relations.get(oid);
  return relation ? unitExpression(relation) : "";
}
