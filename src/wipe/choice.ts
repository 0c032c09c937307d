import type { WipeScope } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, parseName, type QualifiedName } from "../db/identifier.js";
import type { Relation, RelationGraph } from "./relations.js";
import { editDistance, isBookkeeping, resolveScopes, type WipeSelection } from "./scope.js";
import { findSelected } from "./selected.js";

/** What an operator names: scopes, and tables that need be in none. Neither means what no scope means. */
export interface WipeNames {
  readonly scopes: readonly string[];
  /** `rooms`, `app.rooms` or `"My Schema"."my.table"`. */
  readonly tables: readonly string[];
}

export interface WipeChoice extends WipeSelection {
  /** Tables that were named themselves. */
  readonly named?: readonly QualifiedName[];
}

/**
 * What the names select. Tables without a scope select only themselves. Throws E_UNKNOWN_SCOPE, E_CONFIG as
 * `resolveScopes` does, E_USAGE for a name that is none, E_PROTECTED for a table of roomctl's own.
 */
export function resolveChoice(scopes: readonly WipeScope[], { scopes: chosen, tables }: WipeNames): WipeChoice {
  const named = tables.map(parseName);
  const own = named.find(isBookkeeping);
  if (own) {
    throw new RoomctlError("E_PROTECTED", `nothing was changed: ${formatName(own)} is roomctl's own, and never wiped`, {
      hint: "choose other tables",
    });
  }
  if (named.length === 0) return resolveScopes(scopes, chosen);
  const ofScopes = chosen.length > 0 ? resolveScopes(scopes, chosen) : { scopes: [], tables: [], resets: [] };
  return { ...ofScopes, named };
}

/** What was chosen when the plan was made. */
export function choiceOf(
  scopes: readonly WipeScope[],
  plan: { readonly scopes: readonly string[]; readonly namedTables: readonly string[] },
): WipeChoice {
  return resolveChoice(scopes, { scopes: plan.scopes, tables: plan.namedTables });
}

/** The chosen tables that the database has, by oid, each with its reason for people. Throws E_SCHEMA, E_UNKNOWN_TABLE. */
export function findChosen(graph: RelationGraph, choice: WipeChoice): ReadonlyMap<number, string> {
  const named = (choice.named ?? []).map((name) => [requireRelation(graph, name).oid, "chosen by --table"] as const);
  const scoped = [...findSelected(graph, choice)].map(([oid, scope]) => [oid, `scope ${scope}`] as const);
  return new Map([...named, ...scoped]);
}

/** The table of that name, in whatever schema it says. Throws E_UNKNOWN_TABLE with names that are nearly the same. */
export function requireRelation(graph: RelationGraph, name: QualifiedName): Relation {
  const relations = [...graph.relations.values()];
  const relation = relations.find((candidate) => isSameName(candidate, name));
  if (relation) return relation;
  const near = relations.filter((candidate) => !isBookkeeping(candidate) && isNear(candidate, name)).map(formatName);
  const suggestion = near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : "";
  throw new RoomctlError(
    "E_UNKNOWN_TABLE",
    `nothing was changed: there is no table ${formatName(name)} in this database${suggestion}`,
    { hint: near[0] === undefined ? "roomctl audit lists the tables" : `use --table with ${near[0]}` },
  );
}

/** The same name in another schema, or at most two letters apart, whatever their case. */
function isNear(candidate: QualifiedName, wanted: QualifiedName): boolean {
  if (candidate.name === wanted.name) return true;
  return (
    candidate.schema === wanted.schema &&
    editDistance(candidate.name.toLowerCase(), wanted.name.toLowerCase()) <= Math.min(2, wanted.name.length - 1)
  );
}
