import type { SchemaFact } from "../db/snapshot.js";
import { type Difference, type DriftFinding, eitherSide, kindOf } from "./model.js";
import { type RepairTarget, repairOf } from "./repair.js";

/** All that the two sides say, by what it belongs to. */
export interface Sides {
  readonly live: FactsByOwner;
  readonly files: FactsByOwner;
}

type FactsByOwner = ReadonlyMap<string, readonly SchemaFact[]>;

/** Groups facts by the object that they are part of. */
export function groupByOwner(facts: readonly SchemaFact[]): FactsByOwner {
  const groups = new Map<string, SchemaFact[]>();
  for (const fact of facts) {
    if (fact.belongs === null) continue;
    const group = groups.get(fact.belongs);
    if (group) group.push(fact);
    else groups.set(fact.belongs, [fact]);
  }
  return groups;
}

/** A difference in the words of the report. Pure. */
export function findingOf(difference: Difference, sides: Sides, target: RepairTarget): DriftFinding {
  const { key, live, files } = difference;
  const unsaid = unsaidDefinition(difference, target);
  return {
    kind: unsaid === null ? kindOf(difference) : "changed",
    object: key,
    belongs: eitherSide(difference)?.belongs ?? null,
    live: live === undefined ? unsaid : wholeDefinition(live, sides.live, files === undefined),
    files: files === undefined ? unsaid : wholeDefinition(files, sides.files, live === undefined),
    repair: repairOf(difference, target),
  };
}

/** What a side has that has no line of its own for it: the usual owner, what PostgreSQL gives anyway. */
function unsaidDefinition(difference: Difference, { migrator }: RepairTarget): string | null {
  const { key } = difference;
  if (key.startsWith("owner of ")) return migrator;
  if (key === "connection limit of the database") return "none";
  if (!/^(?:default )?privileges o[nf] /.test(key)) return null;
  const standard = eitherSide(difference)?.facts?.["standard"];
  return typeof standard === "string" ? standard : null;
}

/** Kinds that say little without their parts, which are not told of what is on one side only. */
const thin = /^(?:type|foreign table) /;

function wholeDefinition({ key, definition, belongs }: SchemaFact, facts: FactsByOwner, isAlone: boolean): string {
  if (!isAlone || belongs === null || !thin.test(key)) return definition;
  const parts = facts.get(belongs) ?? [];
  const columns = parts.filter((part) => part.key.startsWith("column "));
  const list = columns.map(({ facts: pieces, definition: type }) => `${pieces?.["name"]} ${type}`).join(", ");
  const others = parts.filter((part) => /^(?:constraint|foreign table of) /.test(part.key));
  return [definition, list && `(${list})`, ...others.map((part) => part.definition)].filter(Boolean).join(" ");
}
