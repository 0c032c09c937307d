import type { TypeName } from "libpg-query";
import { stringsIn } from "./names.js";

/** A type as `format_type` writes it, without a schema: `integer`, `character varying(20)`, `timestamp(3) with time zone`. */
export function formatTypeName(type: TypeName | undefined): string {
  const written = stringsIn(type?.names).at(-1) ?? "";
  const modifiers = (type?.typmods ?? []).flatMap(constantIn);
  const base = serials[written] ?? officialNames[written] ?? written;
  const isArray = (type?.arrayBounds ?? []).length > 0;
  return `${withModifiers(base, written === "interval" ? modifiers.slice(1) : modifiers)}${isArray ? "[]" : ""}`;
}

/** True for `serial` and its sizes, which are a type, a default and NOT NULL at once. */
export function isSerial(type: TypeName | undefined): boolean {
  return (stringsIn(type?.names).at(-1) ?? "") in serials;
}

const serials: Readonly<Record<string, string>> = {
  serial: "integer",
  serial4: "integer",
  bigserial: "bigint",
  serial8: "bigint",
  smallserial: "smallint",
  serial2: "smallint",
};

const officialNames: Readonly<Record<string, string>> = {
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  float4: "real",
  float8: "double precision",
  bool: "boolean",
  decimal: "numeric",
  varchar: "character varying",
  bpchar: "character",
  // Unquoted, char is bpchar by now.
  char: '"char"',
  varbit: "bit varying",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  time: "time without time zone",
  timetz: "time with time zone",
};

/** The precision of a time stands after its first word: `timestamp(3) with time zone`. */
function withModifiers(base: string, modifiers: readonly string[]): string {
  if (modifiers.length === 0) return base;
  const list = `(${modifiers.join(",")})`;
  return /^time/.test(base) ? base.replace(/^\w+/, (word) => word + list) : base + list;
}

function constantIn(node: unknown): readonly string[] {
  const constant: unknown = typeof node === "object" && node !== null ? Reflect.get(node, "A_Const") : undefined;
  if (typeof constant !== "object" || constant === null) return [];
  const integer: unknown = Reflect.get(constant, "ival");
  if (typeof integer !== "object" || integer === null) return [];
  // A zero is left out of the tree.
  return [String(Reflect.get(integer, "ival") ?? 0)];
}
