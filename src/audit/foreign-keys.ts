import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { ForeignKeyFacts } from "../db/schema.js";
import type { Finding } from "./finding.js";

/** What is wrong with the foreign keys as declared: no index, no word on delete, not validated. */
export function foreignKeyFindings(foreignKeys: readonly ForeignKeyFacts[]): readonly Finding[] {
  return foreignKeys.flatMap((foreignKey) => [
    ...(foreignKey.hasIndex ? [] : [withoutIndex(foreignKey)]),
    ...(foreignKey.onDelete === "NO ACTION" ? [withoutOnDelete(foreignKey)] : []),
    ...(foreignKey.isValidated ? [] : [notValid(foreignKey)]),
  ]);
}

function withoutIndex({ table, name, columns, references }: ForeignKeyFacts): Finding {
  const keys = columns.map(quoteIdentifier).join(", ");
  return {
    id: "foreign-key-without-index",
    severity: "warning",
    subject: `${formatName(table)}.${name}`,
    title: `${formatName(table)} (${columns.join(", ")}) references ${formatName(references)} without an index`,
    why: `each DELETE or key UPDATE in ${formatName(references)} reads all of ${formatName(table)}`,
    hint: `CREATE INDEX CONCURRENTLY ON ${quoteName(table)} (${keys});`,
  };
}

function withoutOnDelete({ table, name, columns, references, definition }: ForeignKeyFacts): Finding {
  const [quoted, constraint] = [quoteName(table), quoteIdentifier(name)];
  const attributes = / ((NOT )?DEFERRABLE|INITIALLY|NOT VALID|NOT ENFORCED).*$/;
  const declared = definition.replace(attributes, "");
  const kept = attributes.exec(definition)?.[0].replace(" NOT VALID", "") ?? "";
  return {
    id: "foreign-key-without-on-delete",
    severity: "warning",
    subject: `${formatName(table)}.${name}`,
    title: `${formatName(table)} (${columns.join(", ")}) does not say what happens when its row of ${formatName(references)} goes`,
    why: "deleting the parent fails as soon as such a row exists; say CASCADE, SET NULL or, if that is meant, RESTRICT",
    hint:
      `ALTER TABLE ${quoted} DROP CONSTRAINT ${constraint}, ADD CONSTRAINT ${constraint} ${declared} ` +
      `ON DELETE RESTRICT${kept} NOT VALID; then ALTER TABLE ${quoted} VALIDATE CONSTRAINT ${constraint};`,
  };
}

function notValid({ table, name, definition }: ForeignKeyFacts): Finding {
  const isEnforced = !definition.includes("NOT ENFORCED");
  const action = isEnforced
    ? `VALIDATE CONSTRAINT ${quoteIdentifier(name)}`
    : `ALTER CONSTRAINT ${quoteIdentifier(name)} ENFORCED`;
  return {
    id: "foreign-key-not-valid",
    severity: "warning",
    subject: `${formatName(table)}.${name}`,
    title: `foreign key ${name} of ${formatName(table)} ${isEnforced ? "was never validated" : "is not enforced"}`,
    why: "rows without a parent may be there, and nothing would say so",
    hint: `ALTER TABLE ${quoteName(table)} ${action};`,
  };
}

interface OrphansFound {
  readonly count: string;
  readonly subject: string;
}

/** Counts rows without a parent. Only a foreign key that was not validated can have any. */
export async function orphanFindings(connection: Connection, foreignKey: ForeignKeyFacts): Promise<readonly Finding[]> {
  const found = await connection.query<OrphansFound>(orphansStatement(foreignKey));
  return found.length > 0 ? [orphansFinding(foreignKey, found)] : [];
}

/** MATCH SIMPLE: a key with any null in it refers to nothing, so it cannot be an orphan. */
function orphansStatement({ table, columns, references, referencedColumns }: ForeignKeyFacts): string {
  const child = columns.map((column) => `child.${quoteIdentifier(column)}`);
  const pairs = referencedColumns.map((column, index) => `parent.${quoteIdentifier(column)} = ${child[index]}`);
  return `SELECT concat_ws(', ', ${child.join(", ")}) AS subject, count(*) OVER () AS count
            FROM ${quoteName(table)} AS child
           WHERE ${child.map((column) => `${column} IS NOT NULL`).join(" AND ")}
             AND NOT EXISTS (SELECT FROM ${quoteName(references)} AS parent WHERE ${pairs.join(" AND ")})
           LIMIT 5`;
}

function orphansFinding(
  { table, name, columns, references, referencedColumns }: ForeignKeyFacts,
  found: readonly OrphansFound[],
): Finding {
  const count = Number(found[0]?.count);
  const parentKeys = referencedColumns.map((column) => `parent.${quoteIdentifier(column)}`);
  const pairs = columns.map((column, index) => `${parentKeys[index]} = child.${quoteIdentifier(column)}`).join(" AND ");
  const nulls = columns.map((column) => `child.${quoteIdentifier(column)} IS NOT NULL`).join(" AND ");
  return {
    id: "orphans",
    severity: "error",
    subject: `${formatName(table)}.${name}`,
    title: `rows of ${formatName(table)} whose ${formatName(references)} does not exist: ${count}`,
    why: "they point at nothing, no cascade will ever reach them, and the foreign key cannot be validated",
    hint:
      `DELETE FROM ${quoteName(table)} AS child WHERE ${nulls} AND ` +
      `NOT EXISTS (SELECT FROM ${quoteName(references)} AS parent WHERE ${pairs});`,
    count,
    cases: found.map(({ subject }) => subject),
  };
}
