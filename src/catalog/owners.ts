import type { Dependency, Unit } from "./unit.js";

/** Says which unit writes an object: itself, or what it is part of; undefined where nothing does. */
export type FindUnit = (id: string) => string | undefined;

/** By what an object belongs to another, the surest sign first: as dependency types of pg_depend. */
const belongings = ["e", "i", "P", "a"];

/** By what an object is made together with another. An index goes with its table (a), and is not made with it. */
const making = ["e", "i"];

export interface Written {
  readonly units: readonly Unit[];
  readonly dependencies: readonly Dependency[];
  /** Ids of what is written within another's statement. */
  readonly held: readonly string[];
}

/** Whether an object is written: by a unit of its own, within another's, or made by PostgreSQL with another. Pure. */
export function writtenTest({ units, dependencies, held }: Written): (id: string) => boolean {
  const within = new Set(held);
  const find = unitFinder(new Map(units.map((unit) => [unit.id, unit])), dependencies, making);
  return (id) => within.has(id) || find(id) !== undefined;
}

/**
 * The row type belongs to its table, the index to its constraint, the member to its extension: followed up until something
 * is written. Pure.
 */
export function unitFinder(
  units: ReadonlyMap<string, Unit>,
  dependencies: readonly Dependency[],
  types: readonly string[] = belongings,
): FindUnit {
  const owners = new Map<string, Dependency[]>();
  for (const dependency of dependencies) {
    if (!types.includes(dependency.type)) continue;
    owners.set(dependency.id, [...(owners.get(dependency.id) ?? []), dependency]);
  }
  for (const list of owners.values()) {
    list.sort((a, b) => types.indexOf(a.type) - types.indexOf(b.type));
  }
  const found = new Map<string, string | undefined>();
  const find = (id: string): string | undefined => {
    if (units.has(id)) return id;
    if (found.has(id)) return found.get(id);
    // A circle of belongings leads nowhere.
    found.set(id, undefined);
    const unit = (owners.get(id) ?? []).map(({ referenced }) => find(referenced)).find((owner) => owner !== undefined);
    found.set(id, unit);
    return unit;
  };
  return find;
}
