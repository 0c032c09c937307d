import type { SelectedTable } from "../backup/selection.js";
import { isSameName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Reference } from "./load-order.js";

/** A constraint by the table that declares it, with what it takes to add it again. */
export interface SuspendedConstraint {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** As `pg_get_constraintdef` spells it, with NOT VALID and DEFERRABLE. */
  readonly definition: string;
  readonly comment: string | null;
}

export interface TriggerState {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  /** When it fires: `enabled` in ordinary sessions, `replica` in those of replication, `always` in both. */
  readonly state: "enabled" | "replica" | "always";
}

export interface Obstacles {
  readonly constraints: readonly (ConstraintFacts & { readonly key: string })[];
  readonly triggers: readonly TriggerState[];
  /** Between the restored tables, by `quoteName`; partitions stand for their root. */
  readonly references: readonly Reference[];
  /** By `quoteName` of the table: what its validated foreign keys need beyond the restored tables. */
  readonly otherParents: ReadonlyMap<string, readonly QualifiedName[]>;
}

interface ConstraintFacts extends SuspendedConstraint {
  readonly isForeignKey: boolean;
  readonly isValidated: boolean;
  readonly references: QualifiedName | null;
}

/** What stands between rows and the tables they are loaded into: foreign keys, unvalidated constraints, triggers. */
export async function readObstacles(
  queryable: Queryable,
  wanted: readonly QualifiedName[],
  present: readonly SelectedTable[],
): Promise<Obstacles> {
  const targets = present.filter((table) => wanted.some((name) => isSameName(name, table)));
  const ancestors = present.filter((table) =>
    targets.some((target) => target.ancestors.some((ancestor) => isSameName(ancestor, table))),
  );
  const facts = await queryable.query<ConstraintFacts>(loadStatement("restore/constraints"), [
    [...new Set([...targets, ...ancestors].map((table) => table.oid))],
  ]);
  const constraints = facts.map((constraint) => ({ ...constraint, key: constraintKey(constraint) }));
  const triggers = await queryable.query<TriggerState>(loadStatement("restore/triggers"), [
    targets.map((table) => table.oid),
  ]);
  return { constraints, triggers, ...connect(constraints, targets, present) };
}

function constraintKey({ schema, table, name }: SuspendedConstraint): string {
  return `${quoteName({ schema, name: table })}.${quoteIdentifier(name)}`;
}

function connect(
  constraints: Obstacles["constraints"],
  targets: readonly SelectedTable[],
  present: readonly SelectedTable[],
): Pick<Obstacles, "references" | "otherParents"> {
  const references: Reference[] = [];
  const otherParents = new Map<string, QualifiedName[]>();
  for (const { key, schema, table, references: parent, isValidated } of constraints) {
    // An unvalidated one is suspended in any case, so it orders nothing.
    if (parent === null || !isValidated) continue;
    const parents = holders(parent, targets, present);
    for (const child of holders({ schema, name: table }, targets, present)) {
      const known = otherParents.get(quoteName(child)) ?? [];
      if (parents.length === 0) otherParents.set(quoteName(child), [...known, parent]);
      for (const one of parents) references.push({ constraint: key, child: quoteName(child), parent: quoteName(one) });
    }
  }
  return { references, otherParents };
}

/** The restored tables that hold a relation's rows: itself, or the leaves of a partitioned one. Plain heirs hold their own. */
function holders(
  relation: QualifiedName,
  targets: readonly SelectedTable[],
  present: readonly SelectedTable[],
): readonly SelectedTable[] {
  const isPartitioned = present.some((table) => table.kind === "partitioned" && isSameName(table, relation));
  return targets.filter(
    (table) =>
      isSameName(table, relation) ||
      (isPartitioned && table.ancestors.some((ancestor) => isSameName(ancestor, relation))),
  );
}
