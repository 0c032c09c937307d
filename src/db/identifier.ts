import { RoomctlError } from "../core/errors.js";

/** A table, sequence or other relation, by schema and name, both exactly as the catalog spells them. */
export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** Quotes one identifier for SQL text; any character but NUL is allowed in it. */
export function quoteIdentifier(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** `"schema"."name"`, always quoted. */
export function quoteName({ schema, name }: QualifiedName): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A string literal for the few places where SQL takes no parameter (SET, COMMENT, COPY options). */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? `E${quoted}` : quoted;
}

/** For people and JSON: `users`, `roomctl.operations`; quoted only where a part is not a plain lower-case name. */
export function formatName({ schema, name }: QualifiedName): string {
  return schema === "public" ? formatPart(name) : `${formatPart(schema)}.${formatPart(name)}`;
}

function formatPart(part: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(part) ? part : quoteIdentifier(part);
}

/** Reads `users`, `app.users` or `"My Schema"."my.table"`; without a schema it is `public`. Throws E_USAGE. */
export function parseName(text: string): QualifiedName {
  const parts = text.match(/"(?:[^"]|"")+"|[^".]+/g) ?? [];
  const rebuilt = parts.join(".");
  const [first, second] = parts.map((part) => (part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part));
  if (first === undefined || parts.length > 2 || rebuilt !== text) {
    throw new RoomctlError("E_USAGE", `not a table name: ${JSON.stringify(text)}`, {
      hint: 'write it as table, schema.table or "odd schema"."odd.table"',
    });
  }
  return second === undefined ? { schema: "public", name: first } : { schema: first, name: second };
}

/** True when both name the same relation. */
export function isSameName(a: QualifiedName, b: QualifiedName): boolean {
  return a.schema === b.schema && a.name === b.name;
}
