/** What PostgreSQL does to a table when a column's type changes, without USING. */
export type TypeChange =
  /** The catalog changes only. */
  | "nothing"
  /** The rows stay; indexes with the column are built anew, since their operator class is another one. */
  | "indexes"
  | "rewrite"
  /** It depends on what a type of the application is: a domain, an enum, an extension's. */
  | "unknown";

/**
 * Tells it from both types as `format_type` writes them. As in `ATColumnChangeRequiresRewrite` of tablecmds.c: no rewrite
 * where the cast changes no byte, or a length coercion's support function says that every old value fits. Sessions of
 * roomctl have TimeZone UTC, where timestamp and timestamptz are the same bytes.
 */
export function typeChange(from: string, to: string): TypeChange {
  if (from === to) return "nothing";
  const [before, after] = [parse(from), parse(to)];
  if (before.isArray || after.isArray) return isKnown(before.base) && isKnown(after.base) ? "rewrite" : "unknown";
  if (before.base === after.base)
    return isWider(before, after) ? "nothing" : isKnown(after.base) ? "rewrite" : "unknown";
  const cast = sameBytes.find(([source, target]) => source.test(before.base) && target.test(after.base));
  // A length of the new type is checked, row by row, on what the cast returns.
  if (cast !== undefined) return after.sizes.length > 0 ? "rewrite" : cast[2];
  return isKnown(before.base) && isKnown(after.base) ? "rewrite" : "unknown";
}

interface Type {
  readonly base: string;
  readonly sizes: readonly number[];
  readonly isArray: boolean;
}

function parse(type: string): Type {
  const sizes = /\(([\d,\s-]+)\)/.exec(type)?.[1]?.split(",").map(Number) ?? [];
  const base = type
    .replace(/\([^)]*\)/, "")
    .replace(/(?:\[\])+$/, "")
    .trim();
  return { base, sizes, isArray: type.endsWith("[]") };
}

function isWider({ base, sizes: before }: Type, { sizes: after }: Type): boolean {
  const [oldSize, oldScale = 0] = before;
  const [newSize, newScale = 0] = after;
  if (/^(?:character varying|bit varying)$/.test(base)) {
    return newSize === undefined || (oldSize !== undefined && newSize >= oldSize);
  }
  if (base === "numeric") {
    return newSize === undefined || (oldSize !== undefined && newSize >= oldSize && newScale === oldScale);
  }
  // Microseconds are all that is stored.
  if (/^time/.test(base)) {
    return newSize === undefined || newSize >= 6 || (oldSize !== undefined && newSize >= oldSize);
  }
  return false;
}

const text = /^(?:text|character varying)$/;
const stamps = /^timestamp with(?:out)? time zone$/;
const objectIds = /^(?:oid|reg[a-z]+)$/;

/** Casts of pg_cast with castmethod 'b' (and the two of timestamps): source, target, and what becomes of indexes. */
const sameBytes: readonly (readonly [RegExp, RegExp, "nothing" | "indexes"])[] = [
  [text, text, "nothing"],
  [/^cidr$/, /^inet$/, "nothing"],
  [stamps, stamps, "indexes"],
  [text, /^(?:citext|character)$/, "indexes"],
  [/^citext$/, /^(?:text|character varying|character)$/, "indexes"],
  [/^bit$/, /^bit varying$/, "indexes"],
  [/^bit varying$/, /^bit$/, "indexes"],
  [/^xml$/, /^(?:text|character varying|character)$/, "indexes"],
  [/^integer$/, objectIds, "indexes"],
  [objectIds, /^integer$/, "indexes"],
  [objectIds, /^oid$/, "indexes"],
  [/^oid$/, objectIds, "indexes"],
];

const builtIn =
  /^(?:smallint|integer|bigint|numeric|real|double precision|money|boolean|text|character|character varying|name|"char"|citext|bytea|uuid|json|jsonb|jsonpath|xml|date|interval|time with(?:out)? time zone|timestamp with(?:out)? time zone|inet|cidr|macaddr8?|bit|bit varying|point|line|lseg|box|path|polygon|circle|tsvector|tsquery|oid|reg[a-z]+|hstore|ltree|int[48]range|numrange|tsrange|tstzrange|daterange|pg_lsn)$/;

function isKnown(base: string): boolean {
  return builtIn.test(base);
}
