import type { Parser } from "../db/parse.js";
import { type CompatQuery, queryOf } from "./queries.js";
import { isRecord, nodesIn, numberIn, stringsIn } from "./tree.js";

/**
 * pg_stat_statements writes $n for every constant, also where PostgreSQL's grammar takes a constant only: `interval $1`,
 * `extract($1 FROM t)`. Such places become `$1::interval` and `pg_catalog.extract($1, t)`, which mean the same.
 */
export function unnormalise(parser: Parser, query: CompatQuery): CompatQuery {
  const edits = [...typedConstants(query), ...extractions(query)].sort((a, b) => b.from - a.from);
  if (edits.length === 0) return query;
  const sql = edits.reduce((text, { from, to, by }) => text.slice(0, from) + by + text.slice(to), query.sql);
  const [statement] = parser.parse(sql);
  const { name, source, line, calls, isNormalised } = query;
  const rewritten = statement && queryOf(statement, { name, source, line, calls, isNormalised }).queries[0];
  return rewritten ?? query;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

/** The parser marks a cast that is no cast, `interval '1 day'`, by leaving out the cast's own place. */
function typedConstants({ sql, node, parameters }: CompatQuery): readonly Edit[] {
  const places = placesByNumber(parameters);
  return [...nodesIn(node)].flatMap(({ kind, value }) => {
    const argument = isRecord(value["arg"]) ? value["arg"]["ParamRef"] : undefined;
    if (kind !== "TypeCast" || value["location"] !== -1 || !isRecord(argument)) return [];
    const place = places.get(numberIn(argument, "number"));
    const type = place === undefined ? undefined : typeBefore(sql, place.from);
    return place && type
      ? [{ from: type.from, to: place.to, by: `${sql.slice(place.from, place.to)}::${type.text}` }]
      : [];
  });
}

function extractions({ sql, node, parameters }: CompatQuery): readonly Edit[] {
  const places = placesByNumber(parameters);
  return [...nodesIn(node)].flatMap(({ kind, value }) => {
    if (kind !== "FuncCall" || stringsIn(value["funcname"]).at(-1) !== "extract") return [];
    const first: unknown = Array.isArray(value["args"]) ? value["args"][0] : undefined;
    const argument = isRecord(first) ? first["ParamRef"] : undefined;
    const place = isRecord(argument) ? places.get(numberIn(argument, "number")) : undefined;
    if (place === undefined) return [];
    const opening = /\bextract\s*\(\s*$/i.exec(sql.slice(0, place.from));
    const from = /^\s+from\b/i.exec(sql.slice(place.to));
    if (!opening || !from) return [];
    return [
      { from: opening.index, to: place.from, by: "pg_catalog.extract(" },
      { from: place.to, to: place.to + from[0].length, by: "," },
    ];
  });
}

function placesByNumber(parameters: CompatQuery["parameters"]) {
  return new Map(
    parameters.map(({ number, offset }) => [number, { from: offset, to: offset + `$${number}`.length }] as const),
  );
}

function typeBefore(sql: string, end: number): { readonly from: number; readonly text: string } | undefined {
  const match =
    /((?:timestamp|time)(?:\s*\(\d+\))?\s+with(?:out)?\s+time\s+zone|(?:[\p{L}_][\p{L}\p{N}_]*\.)?[\p{L}_][\p{L}\p{N}_]*(?:\s*\(\d+\))?)\s*$/iu.exec(
      sql.slice(0, end),
    );
  return match?.[1] === undefined ? undefined : { from: match.index, text: match[1] };
}
