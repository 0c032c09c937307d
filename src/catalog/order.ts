import { unitFinder } from "./owners.js";
import { unsupported } from "./refuse.js";
import { type Dependency, firstRankAfterRows, type Unit } from "./unit.js";

export interface OrderedUnits {
  readonly preData: readonly Unit[];
  readonly postData: readonly Unit[];
  /** Which unit writes an object. */
  readonly find: (id: string) => string | undefined;
}

export interface Labels {
  /** What people call a unit. */
  readonly labelOf: (id: string) => string;
}

/**
 * Every unit after all that it needs, else by rank and name. What needs something that waits for the rows waits as well. A
 * view in a circle (its query calls a function that takes the view's row) is made twice: first as a shape. Pure; throws
 * E_UNSUPPORTED for a circle without a view.
 */
export function orderUnits(units: readonly Unit[], dependencies: readonly Dependency[], labels: Labels): OrderedUnits {
  let current = new Map(units.map((unit) => [unit.id, unit]));
  for (;;) {
    const { ordered, needs, circle, find } = walk(current, dependencies, labels);
    if (circle === undefined) return { ...sections(ordered, needs, labels), find };
    const views = circle.filter((id) => current.get(id)?.shape);
    if (views.length === 0) {
      throw unsupported([`${circle.map(labels.labelOf).join(" and ")} need each other`]);
    }
    current = splitViews(current, new Set(views), dependencies);
  }
}

interface Walk {
  readonly ordered: readonly Unit[];
  readonly needs: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids of units that need each other, when some do. */
  readonly circle: readonly string[] | undefined;
  readonly find: (id: string) => string | undefined;
}

function walk(units: ReadonlyMap<string, Unit>, dependencies: readonly Dependency[], { labelOf }: Labels): Walk {
  const find = unitFinder(units, dependencies);
  const needs = needsOf(units, dependencies, find);
  const byRank = (a: string, b: string) => {
    const difference = (units.get(a)?.rank ?? 0) - (units.get(b)?.rank ?? 0);
    return difference || (labelOf(a) < labelOf(b) ? -1 : 1);
  };
  const ordered: Unit[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): readonly string[] | undefined => {
    if (done.has(id)) return undefined;
    if (path.includes(id)) return path.slice(path.indexOf(id));
    path.push(id);
    for (const need of [...(needs.get(id) ?? [])].sort(byRank)) {
      const circle = visit(need);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(id);
    const unit = units.get(id);
    if (unit !== undefined) ordered.push(unit);
    return undefined;
  };
  for (const id of [...units.keys()].sort(byRank)) {
    const circle = visit(id);
    if (circle !== undefined) return { ordered, needs, circle, find };
  }
  return { ordered, needs, circle: undefined, find };
}

function needsOf(
  units: ReadonlyMap<string, Unit>,
  dependencies: readonly Dependency[],
  find: (id: string) => string | undefined,
): ReadonlyMap<string, ReadonlySet<string>> {
  const needs = new Map<string, Set<string>>();
  const add = (from: string | undefined, to: string | undefined) => {
    if (from === undefined || to === undefined || from === to) return;
    needs.set(from, (needs.get(from) ?? new Set()).add(to));
  };
  for (const { id, referenced, type } of dependencies) {
    // A partition's index or constraint is made before its parent's takes it over.
    if (type !== "P" && type !== "S") add(find(id), find(referenced));
  }
  for (const unit of units.values()) for (const need of unit.needs) add(unit.id, find(need));
  return needs;
}

function sections(ordered: readonly Unit[], needs: Walk["needs"], { labelOf }: Labels) {
  const late = new Set<string>();
  for (const { id, rank } of ordered) {
    const cause = [...(needs.get(id) ?? [])].find((need) => late.has(need));
    if (rank >= firstRankAfterRows || cause !== undefined) late.add(id);
    if (cause !== undefined && isNeededByRows(rank)) {
      throw unsupported([`${labelOf(id)} (it needs ${labelOf(cause)}, which waits for the rows)`]);
    }
  }
  return { preData: ordered.filter(({ id }) => !late.has(id)), postData: ordered.filter(({ id }) => late.has(id)) };
}

/** Sequences, tables and what completes them. */
function isNeededByRows(rank: number): boolean {
  return rank >= 44 && rank < 58;
}

function splitViews(
  units: ReadonlyMap<string, Unit>,
  views: ReadonlySet<string>,
  dependencies: readonly Dependency[],
): Map<string, Unit> {
  const split = new Map(units);
  for (const { id: query, referenced, type } of dependencies) {
    const view = units.get(referenced);
    if (type !== "i" || !query.startsWith("pg_rewrite:") || !views.has(referenced) || !view?.shape) continue;
    split.set(view.id, { ...view, statements: [view.shape], shape: null });
    const statements = view.statements.map((sql) => sql.replace(/^CREATE VIEW/, "CREATE OR REPLACE VIEW"));
    split.set(query, { ...view, id: query, needs: [view.id], owner: null, statements, shape: null });
  }
  return split;
}
