import { quoteLiteral } from "../db/identifier.js";

/** A column that may be given a made-up value. Generated ones are left out. */
export interface ColumnFacts {
  readonly name: string;
  readonly number: number;
  /** As in pg_type, of the base type where it is a domain: `int4`, `varchar`. */
  readonly type: string;
  /** As pg_type has it: `b` base, `e` enum, `c` composite, `r` range, `m` multirange. */
  readonly kind: string;
  readonly isArray: boolean;
  /** As it would be written: `character varying(20)`, `app.colour`. */
  readonly declaredType: string;
  /** `atttypmod`: -1 when the type has no length or precision. */
  readonly modifier: number;
  readonly isNotNull: boolean;
  readonly isIdentity: boolean;
  readonly default: string | null;
  readonly firstLabel: string | null;
  readonly isUnique: boolean;
  /** Definitions of the CHECK constraints that name it. */
  readonly checks: readonly string[] | null;
}

/** How texts are made up, in the order in which they are tried: one of them may satisfy the checks of a table. */
export const textStyles = ["word", "address", "hexadecimal", "digits", "letters"] as const;
export type TextStyle = (typeof textStyles)[number];

/**
 * An SQL expression of `n`, 1 and up, for a column; undefined when its default is to be used. The values of a column are
 * distinct where its type has room for them. Null means that no value of such a type can be made up.
 */
export function madeUpValue(column: ColumnFacts, style: TextStyle): string | undefined | null {
  if (column.isIdentity || isNumbering(column)) return undefined;
  if (column.default !== null && !column.isUnique) return undefined;
  const listed = listedValue(column);
  if (listed !== undefined) return listed;
  if (!column.isNotNull && column.checks !== null) return "NULL";
  const value = byType(column, style);
  if (value !== null) return `(${value})::${column.declaredType}`;
  if (!column.isNotNull) return "NULL";
  return column.default === null ? null : undefined;
}

/** A default that gives each row another value. */
function isNumbering({ default: standard }: ColumnFacts): boolean {
  return /nextval\(|uuid|random/i.test(standard ?? "");
}

/** The first of the values that a check allows: `CHECK ((status = ANY (ARRAY['open'::text, …])))`, or `status = 'open'`. */
function listedValue({ name, checks, isUnique, declaredType }: ColumnFacts): string | undefined {
  if (isUnique) return undefined;
  const word = name.replace(/[^\w]/g, "\\$&");
  const pattern = new RegExp(`\\b${word}"?\\)?(?:::[a-z ]+)? = (?:ANY \\(\\(?ARRAY\\[)?\\(?('(?:[^']|'')*')::`);
  const literal = (checks ?? []).flatMap((check) => pattern.exec(check)?.[1] ?? [])[0];
  return literal === undefined ? undefined : `${literal}::${declaredType}`;
}

function byType(column: ColumnFacts, style: TextStyle): string | null {
  const { type, kind, isArray, firstLabel } = column;
  if (isArray) return "'{}'";
  if (kind === "e") return firstLabel === null ? null : quoteLiteral(firstLabel);
  if (kind === "r") return "'empty'";
  if (kind === "m") return "'{}'";
  if (["text", "varchar", "bpchar", "citext", "name"].includes(type)) return textValue(column, style);
  // A check of a number is mostly a range.
  if (isNumber(type) && column.checks !== null && !column.isUnique) return "n % 20 + 1";
  if (type === "numeric") return numericValue(column);
  // Of two times the later column holds the later one: until after from, expiry after creation.
  if (isTime(type)) return `now() + n * interval '1 minute' + interval '${column.number} days'`;
  return fixedValues[type] ?? null;
}

function isNumber(type: string): boolean {
  return /^(?:int[248]|float[48]|numeric|money)$/.test(type);
}

function isTime(type: string): boolean {
  return /^(?:date|timestamp|timestamptz)$/.test(type);
}

/** Cut to the length of the type from the left, so that what differs stays. */
function textValue({ type, modifier, checks }: ColumnFacts, style: TextStyle): string {
  const texts = {
    word: "'value ' || n",
    address: "'user' || n || '@example.com'",
    hexadecimal: "md5(n::text) || md5(n::text)",
    digits: "lpad(n::text, 10, '0')",
    letters: "translate(n::text, '0123456789', 'abcdefghij')",
  };
  const patterns = (checks ?? []).join(" ");
  const wanted = patterns.includes("@") ? "address" : patterns.includes("0-9a-f") ? "hexadecimal" : style;
  const text = texts[style === "word" ? wanted : style];
  // The modifier holds the length and four bytes of header.
  return modifier > 4 && type !== "text" ? `right(${text}, ${modifier - 4})` : text;
}

/** The modifier holds precision and scale: (precision << 16 | scale) + 4. */
function numericValue({ modifier }: ColumnFacts): string {
  if (modifier < 4) return "n";
  const digits = ((modifier - 4) >> 16) - ((modifier - 4) & 0x7ff);
  return digits > 0 ? `n % (10::numeric ^ ${digits})` : "0";
}

const fixedValues: Readonly<Record<string, string>> = {
  int2: "(n - 1) % 32767 + 1",
  int4: "n",
  int8: "n",
  float4: "n",
  float8: "n",
  oid: "n",
  money: "n",
  bool: "n % 2 = 0",
  uuid: "lpad(to_hex(n), 32, '0')",
  time: "time '00:00' + n * interval '1 second'",
  timetz: "'12:00+00'",
  interval: "n * interval '1 second'",
  json: `json_build_object('n', n)`,
  jsonb: `jsonb_build_object('n', n)`,
  xml: "'<n/>'",
  bytea: "decode(lpad(to_hex(n), 16, '0'), 'hex')",
  inet: "inet '10.0.0.0' + n",
  cidr: "'10.0.0.0/8'",
  macaddr: "'08:00:2b:01:02:03'",
  bit: "0",
  varbit: "'0'",
  tsvector: "''",
  tsquery: "''",
  point: "point(n, n)",
  hstore: "''",
};
