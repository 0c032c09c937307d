import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName } from "../db/identifier.js";
import type { Reach } from "./cascade.js";
import type { RelationGraph } from "./relations.js";
import { isBookkeeping, type WipeSelection } from "./scope.js";

/** The selected tables that the database has, by oid, each with the scope that names it. Throws E_SCHEMA. */
export function findSelected(graph: RelationGraph, selection: WipeSelection): ReadonlyMap<number, string> {
  const relations = [...graph.relations.values()];
  const found = new Map<number, string>();
  const missing: string[] = [];
  for (const { name, scope, isOptional } of selection.tables) {
    const relation = relations.find((candidate) => isSameName(candidate, name));
    if (relation) found.set(relation.oid, scope);
    else if (!isOptional) missing.push(`${formatName(name)} (scope ${scope})`);
  }
  if (missing.length === 0) return found;
  throw new RoomctlError("E_SCHEMA", `nothing was changed: the database does not have ${missing.join(", ")}`, {
    hint: "roomctl migrate",
  });
}

/** Throws E_PROTECTED when a wipe would empty roomctl's own records, or a table whose rows live on another server. */
export function assertWipeable(graph: RelationGraph, reached: ReadonlyMap<number, Reach>): void {
  for (const oid of reached.keys()) {
    const relation = graph.relations.get(oid);
    if (!relation) continue;
    if (isBookkeeping(relation)) {
      throw new RoomctlError(
        "E_PROTECTED",
        `nothing was changed: a foreign key of ${formatName(relation)} leads to a wiped table, and roomctl's own tables are never wiped`,
        { hint: `drop that foreign key of ${formatName(relation)}, or choose other scopes` },
      );
    }
    if (relation.kind === "foreign") {
      throw new RoomctlError(
        "E_PROTECTED",
        `nothing was changed: the rows of the foreign table ${formatName(relation)} live on another server`,
        { hint: "choose scopes without it, and wipe it where it lives" },
      );
    }
  }
}
