import type { AppDefinition, WipeSubject } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName, parseName, quoteLiteral } from "../db/identifier.js";
import { findChosen, requireRelation, resolveChoice } from "./choice.js";
import type { Relation, RelationGraph } from "./relations.js";
import { ageCondition, type Period } from "./rows-age.js";
import { assertCondition } from "./rows-where.js";
import { isBookkeeping } from "./scope.js";
import { wipeCommand } from "./stale.js";

/** Which rows of the chosen tables; conditions that come together must all hold. */
export interface RowConditions {
  readonly olderThan?: Period;
  /** An SQL condition, as typed. */
  readonly where?: string;
  /** A thing whose rows lie in several tables, and which brings its own choice of them. */
  readonly subject?: { readonly name: WipeSubject["name"]; readonly value: string };
}

export interface RowChoice {
  readonly scopes: readonly string[];
  /** Named themselves, as `table` or `schema.table`. */
  readonly tables: readonly string[];
  readonly conditions: RowConditions;
  /** A period counts back from here: the same moment for the plan and for what is done by it. */
  readonly now: Date;
}

export type RowApp = Pick<AppDefinition, "scopes" | "subjects" | "ages">;

/** A table some of whose rows, and of those that inherit from it, were chosen. */
export interface ChosenRows {
  readonly oid: number;
  readonly table: string;
  /** SQL over the table's columns. */
  readonly condition: string;
  /** The same in words, which do not change as time goes by. */
  readonly reason: string;
}

/**
 * What a choice means in this database: each chosen table once, with one condition. No scope and no table means what a
 * whole wipe means by it. Throws E_USAGE for a condition that is none, an age that a table does not have, a subject that
 * the app does not have; E_UNKNOWN_SCOPE, E_UNKNOWN_TABLE, E_SCHEMA; E_PROTECTED for tables that no wipe may touch.
 */
export async function chooseRows(app: RowApp, choice: RowChoice, graph: RelationGraph): Promise<readonly ChosenRows[]> {
  const { where, olderThan } = choice.conditions;
  if (where !== undefined) await assertCondition(where);
  const named = choice.conditions.subject
    ? subjectRows(app, choice.conditions.subject, graph)
    : namedTables(app, choice, graph);
  if (named.length === 0) throw nothingNamed(choice);
  return mergeTables(named).map(({ relation, condition, reason }) => {
    assertOrdinary(relation);
    const age = olderThan && ageCondition(app.ages ?? {}, relation, { period: olderThan, now: choice.now });
    const conditions = [condition, age?.condition, where].filter((one) => one !== undefined);
    const words = [reason, age?.words, where === undefined ? undefined : `where ${where}`];
    return {
      oid: relation.oid,
      table: formatName(relation),
      // A condition may end in a comment.
      condition: conditions.map((one) => `(${one}\n)`).join(" AND "),
      reason: words.filter((word) => word !== undefined).join(", "),
    };
  });
}

/** `roomctl wipe --scope rooms --older-than 30d`: the command that shows such a plan, as a shell takes it. */
export function rowWipeCommand({
  scopes,
  tables,
  conditions,
}: Pick<RowChoice, "scopes" | "tables" | "conditions">): string {
  const { olderThan, where, subject } = conditions;
  const flags: readonly (readonly [string, string | undefined])[] = [
    ["older-than", olderThan?.text],
    ["where", where],
    [subject?.name ?? "", subject?.value],
  ];
  const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`--${flag} ${shellWord(value)}`]));
  return [wipeCommand(scopes, tables), ...given].join(" ");
}

interface NamedRows {
  readonly relation: Relation;
  readonly condition?: string;
  readonly reason: string;
}

function subjectRows(
  app: RowApp,
  { name, value }: { readonly name: string; readonly value: string },
  graph: RelationGraph,
) {
  const subject = app.subjects?.find((one) => one.name === name);
  if (!subject) {
    throw new RoomctlError(
      "E_USAGE",
      `--${name} means nothing for this app: its configuration has no subject ${name}`,
      {
        hint: `say in roomctl.config where its rows are: app.subjects: [{ name: "${name}", summary: "…", rows: [{ table: "…", where: "… = {value}" }] }]`,
      },
    );
  }
  if (value.includes("\0")) throw new RoomctlError("E_USAGE", `--${name} cannot hold a NUL character`);
  const literal = quoteLiteral(value);
  return subject.rows.map(
    ({ table, where }): NamedRows => ({
      relation: requireRelation(graph, parseName(table)),
      condition: where.replaceAll("{value}", () => literal),
      reason: `${name} ${JSON.stringify(value)}`,
    }),
  );
}

function namedTables(app: RowApp, choice: RowChoice, graph: RelationGraph): readonly NamedRows[] {
  const chosen = findChosen(graph, resolveChoice(app.scopes, choice));
  return [...chosen].flatMap(([oid, reason]) => {
    const relation = graph.relations.get(oid);
    return relation ? [{ relation, reason }] : [];
  });
}

/** A subject may name a table more than once: either condition is enough. */
function mergeTables(named: readonly NamedRows[]): readonly NamedRows[] {
  const byOid = new Map<number, NamedRows>();
  for (const one of named) {
    const before = byOid.get(one.relation.oid);
    const isEither = before?.condition !== undefined && one.condition !== undefined;
    if (!before) byOid.set(one.relation.oid, one);
    else if (isEither)
      byOid.set(one.relation.oid, { ...before, condition: `(${before.condition}\n) OR (${one.condition}\n)` });
  }
  return [...byOid.values()];
}

function assertOrdinary(relation: Relation): void {
  const why = isBookkeeping(relation)
    ? "roomctl's own tables are never wiped"
    : relation.kind === "foreign"
      ? "the rows of a foreign table live on another server"
      : undefined;
  if (why === undefined) return;
  throw new RoomctlError("E_PROTECTED", `nothing was changed: ${formatName(relation)} was chosen, and ${why}`, {
    hint: "choose other tables",
  });
}

function nothingNamed({ scopes }: RowChoice): RoomctlError {
  const which = scopes.length > 0 ? `the scope ${scopes.join(", ")} names` : "the app's scopes name";
  return new RoomctlError("E_USAGE", `${which} no table whose rows could be chosen`, {
    hint: "roomctl wipe scopes lists the scopes; --table names one table",
  });
}
