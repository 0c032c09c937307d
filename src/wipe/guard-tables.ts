import { shellWord } from "../core/shell.js";
import { formatName, parseName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { readProtected } from "../db/protected.js";
import { loadStatement } from "../db/statement.js";
import type { GuardLook, GuardRequest } from "./guard.js";

/** A table that would lose rows, and the protected one that it is, or is a partition or an heir of. */
interface Hit {
  readonly lostSchema: string;
  readonly lostName: string;
  readonly schema: string;
  readonly name: string;
}

/** Refuses where a table that would lose something is protected: by the database itself, or by the configuration. */
export async function lookAtTables(queryable: Queryable, { tables, rules }: GuardRequest): Promise<GuardLook> {
  const stored = await readProtected(queryable);
  const configured = (rules?.protectedTables ?? []).map(parseName);
  const lost = tables.map(parseName);
  const guarded = [...stored, ...configured];
  const hits = await queryable.query<Hit>(loadStatement("wipe/guard-tables"), [
    lost.map(({ schema }) => schema),
    lost.map(({ name }) => name),
    guarded.map(({ schema }) => schema),
    guarded.map(({ name }) => name),
  ]);
  if (hits.length === 0) {
    return { guard: "protected-table", saw: `none of the ${tables.length} tables is protected` };
  }
  const isIn = (list: readonly { schema: string; name: string }[], hit: Hit) =>
    list.find(({ schema, name }) => schema === hit.schema && name === hit.name);
  const words = hits.map((hit) => {
    const entry = stored.find(({ schema, name }) => schema === hit.schema && name === hit.name);
    const by = entry
      ? `${entry.protectedBy} protected it${entry.note === null ? "" : `: ${JSON.stringify(entry.note)}`}`
      : "the configuration protects it";
    return `${describeHit(hit)} (${by})`;
  });
  const cures = hits.flatMap((hit) => [
    ...(isIn(stored, hit) ? [`roomctl config unprotect ${shellWord(formatName(hit))} --confirm`] : []),
    ...(isIn(configured, hit) ? [`take ${formatName(hit)} out of guards.protectedTables in the configuration`] : []),
  ]);
  return { guard: "protected-table", saw: words.join(", "), refusal: { cures, isFinal: true } };
}

function describeHit(hit: Hit): string {
  const lost = formatName({ schema: hit.lostSchema, name: hit.lostName });
  return lost === formatName(hit) ? lost : `${lost}, a part of ${formatName(hit)}`;
}
