import type { TypeName } from "libpg-query";
import { type QualifiedName, quoteIdentifier } from "../db/identifier.js";
import { stringsIn } from "./names.js";
import { formatTypeName } from "./type-name.js";

/** A name as SQL that reads as people write it: quoted only where it must be. */
export function sqlName({ schema, name }: QualifiedName): string {
  return schema === "public" ? sqlColumn(name) : `${sqlColumn(schema)}.${sqlColumn(name)}`;
}

/** A column's, index's or constraint's name as SQL. */
export function sqlColumn(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !reservedWords.has(name) ? name : quoteIdentifier(name);
}

export function sqlColumns(names: readonly string[]): string {
  return names.map(sqlColumn).join(", ");
}

/** A type as SQL, with its schema where the statement gives one. */
export function sqlType(type: TypeName | undefined): string {
  const names = stringsIn(type?.names);
  const schema = names.length > 1 && names[0] !== "pg_catalog" ? `${sqlColumn(names[0] ?? "")}.` : "";
  return schema + formatTypeName(type);
}

/** A name that PostgreSQL would choose too, at most 63 bytes of ASCII long: `users_email_key`. */
export function sqlObjectName(...parts: readonly string[]): string {
  const end = `_${parts.at(-1)}`;
  return (
    parts
      .slice(0, -1)
      .join("_")
      .slice(0, 63 - end.length) + end
  );
}

/** The steps that make a column NOT NULL without a scan under a lock that stops reads and writes. */
export function notNullInSteps(table: QualifiedName, column: string): string {
  const [on, name] = [`ALTER TABLE ${sqlName(table)}`, sqlColumn(sqlObjectName(table.name, column, "not_null"))];
  return [
    `${on} ADD CONSTRAINT ${name} CHECK (${sqlColumn(column)} IS NOT NULL) NOT VALID;`,
    "-- in the next migration:",
    `${on} VALIDATE CONSTRAINT ${name};`,
    `${on} ALTER COLUMN ${sqlColumn(column)} SET NOT NULL;`,
    `${on} DROP CONSTRAINT ${name};`,
  ].join("\n");
}

/** An UPDATE of old rows in pieces that each hold their locks for a moment only. */
export function backfillInPieces(table: QualifiedName, column: string, value: string): string {
  const [from, name] = [sqlName(table), sqlColumn(column)];
  return [
    "-- then, outside of the migration, until it says UPDATE 0:",
    `UPDATE ${from} SET ${name} = ${value}`,
    `  WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${from} WHERE ${name} IS NULL LIMIT 10000));`,
  ].join("\n");
}

/** Words that cannot be a name without quotes: `pg_get_keywords()` of PostgreSQL 18, categories R and T. */
const reservedWords: ReadonlySet<string> = new Set(
  `all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
  concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
  full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
  localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning right
  select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
  variadic verbose when where window with`.split(/\s+/),
);
