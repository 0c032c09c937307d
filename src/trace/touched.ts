import { formatName, type QualifiedName } from "../db/identifier.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ParsedMigration } from "../migrate/build.js";

/** Names of relations, without their schemas. */
export type TouchedNames = ReadonlySet<string>;

/**
 * The relations that statements name, when that is all that they can read; undefined when one of them may read others, as a
 * DO block, a call of a function or a change of a domain may.
 */
export function namesOf(migrations: readonly ParsedMigration[]): TouchedNames | undefined {
  const statements = migrations.flatMap(({ up }) => up.statements);
  if (!statements.every(namesAll)) return undefined;
  const names = new Set<string>();
  for (const { node } of statements) collectNames(node, names);
  return names;
}

/** Which tables are worth rows; undefined for all of them. */
export async function findTouched(
  queryable: Queryable,
  names: TouchedNames | undefined,
): Promise<((table: QualifiedName) => boolean) | undefined> {
  if (names === undefined) return undefined;
  const rows = await queryable.query<QualifiedName & { readonly isKnown: boolean }>(loadStatement("trace/touched"), [
    [...names],
  ]);
  if (rows.some(({ isKnown }) => !isKnown)) return undefined;
  const wanted = new Set(rows.map(formatName));
  return (table) => wanted.has(formatName(table));
}

/** Statements that work on the relations in their tree, and on what hangs together with these. */
const kinds = [
  "AlterTableStmt",
  "CommentStmt",
  "CreateEnumStmt",
  "CreateFunctionStmt",
  "CreateSchemaStmt",
  "CreateSeqStmt",
  "CreateStmt",
  "CreateTrigStmt",
  "DeleteStmt",
  "GrantStmt",
  "IndexStmt",
  "InsertStmt",
  "RenameStmt",
  "TruncateStmt",
  "UpdateStmt",
  "VariableSetStmt",
  "ViewStmt",
];

function namesAll({ node }: ParsedStatement): boolean {
  return node !== undefined && kinds.some((kind) => kind in node);
}

/** The relations that a statement names, in its order, as far as its tree tells: DROP has them as lists of strings. */
export function namesIn({ node }: ParsedStatement): TouchedNames {
  const names = new Set<string>();
  collectNames(node, names);
  if (node !== undefined && "DropStmt" in node) collectNames(node.DropStmt.objects, names, "sval");
  return names;
}

/** A RangeVar, however deep it stands, has a `relname`. */
function collectNames(node: unknown, names: Set<string>, field = "relname"): void {
  if (Array.isArray(node)) for (const one of node) collectNames(one, names, field);
  else if (typeof node === "object" && node !== null) {
    for (const [key, value] of Object.entries(node)) {
      if (key === field && typeof value === "string") names.add(value);
      else collectNames(value, names, field);
    }
  }
}
