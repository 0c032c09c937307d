import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, parseName, quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Relation } from "./relations.js";

/** `30d`, and the same in milliseconds. */
export interface Period {
  readonly text: string;
  readonly ms: number;
}

interface Cut {
  readonly period: Period;
  readonly now: Date;
}

/** The column that says how old a row is, where no other is configured. */
const usualColumn = "created_at";

/**
 * True for the rows of a table that are older than the period; one whose moment is null is not. Sessions of roomctl are in
 * UTC, and so a time without a zone counts as UTC. Throws E_USAGE where the table does not say how old its rows are.
 */
export function ageCondition(
  ages: Readonly<Record<string, string>>,
  relation: Relation,
  { period, now }: Cut,
): { readonly condition: string; readonly words: string } {
  const configured = Object.entries(ages).find(([table]) => isSameName(parseName(table), relation))?.[1];
  const column = configured ?? usualColumn;
  const times = relation.columns.filter(({ type }) => isTime(type)).map(({ name }) => name);
  if (!times.includes(column)) throw noAge(relation, column, times);
  const before = cutOff(period, now);
  return {
    condition: `${quoteIdentifier(column)} < TIMESTAMPTZ ${quoteLiteral(before)}`,
    words: `older than ${period.text} by ${column}`,
  };
}

function cutOff({ text, ms }: Period, now: Date): string {
  const moment = new Date(now.getTime() - ms);
  // PostgreSQL reads years as JavaScript writes them only from 1 to 9999.
  if (moment.getTime() >= Date.UTC(1, 0) && moment.getTime() <= Date.UTC(9999, 0)) return moment.toISOString();
  throw new RoomctlError("E_USAGE", `--older-than reaches back too far: ${JSON.stringify(text)}`, {
    hint: "write it like 12h, 30d or 365d",
  });
}

function isTime(type: string): boolean {
  return /^(timestamp|date)\b/.test(type);
}

function noAge(relation: Relation, column: string, times: readonly string[]): RoomctlError {
  const table = formatName(relation);
  const has = times.length > 0 ? `its columns of a time are ${times.join(", ")}` : "it has no column of a time at all";
  return new RoomctlError(
    "E_USAGE",
    `--older-than: ${table} has no column ${JSON.stringify(column)} of a time, which would say how old a row is; ${has}`,
    {
      hint:
        times.length > 0
          ? `name one in roomctl.config, app.ages: { ${JSON.stringify(table)}: ${JSON.stringify(times[0])} }`
          : `choose tables that have one, with --scope or --table`,
    },
  );
}
