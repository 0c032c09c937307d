import { formatName } from "../db/identifier.js";
import { type Effect, effectsOf, effectsOfFile } from "./effects.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintRule, LintStatement } from "./rule.js";
import { sqlColumn, sqlName } from "./sql.js";
import { alterCommands, alterTableOf, columnIn, nodesOf, tableOf } from "./tree.js";

/* Names and shapes that the running release counts on: L18 and R04 of the notes. */

const renameTable: LintRule = {
  id: "rename-table",
  topic: "compatibility",
  severity: "error",
  title: "A table or view gets another name or schema",
  why: [
    "From the commit on, every query of the running release that uses the old name fails with 42P01 (undefined_table); the new release fails until then. There is no moment at which both work.",
  ],
  safer:
    "Leave a view with the old name behind, in the same transaction: simple views can be read and written. Drop it when no release uses it.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE IF EXISTS users RENAME TO members;",
    good: ["ALTER TABLE IF EXISTS users RENAME TO members;\nCREATE OR REPLACE VIEW users AS SELECT id FROM members;"],
  },
  looksAt: ["RenameStmt", "AlterObjectSchemaStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    renamedBy(statement, context)
      .filter(({ kind, key }) => isReadable(kind) && !isMadeAnew(key, context))
      .map((effect) => {
        const table = effect.table === undefined ? {} : { table: effect.table };
        if (isTakenOver(effect.key, context)) {
          const message = `${effect.label} is another table after this: foreign keys, views and functions stay with this one, and so do rows written since it was copied`;
          return { message, ...table, severity: "warning" as const };
        }
        const message = `${effect.label} is no longer found under that name`;
        return { message, ...table, ...withView(statement, effect) };
      }),
};

const renameColumn: LintRule = {
  id: "rename-column",
  topic: "compatibility",
  severity: "error",
  title: "A column gets another name",
  why: [
    "From the commit on, every query of the running release that uses the old name fails with 42703 (undefined_column); the new release fails until then.",
  ],
  safer:
    "Add a column with the new name, write both, fill it for old rows, read the new one, and drop the old one a release later.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, nick text);",
    bad: "ALTER TABLE users RENAME COLUMN nick TO nickname;",
    good: ["ALTER TABLE users ADD COLUMN IF NOT EXISTS nickname text;"],
  },
  looksAt: ["RenameStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    renamedBy(statement, context)
      .filter(({ kind, key }) => kind === "column" && !isMadeHere(key, context))
      .map(({ key, label, table, name, to }) => {
        const type = table && context.model.table(table)?.columns.find((column) => column.name === name)?.type;
        const add =
          table && to && `ALTER TABLE ${sqlName(table)} ADD COLUMN IF NOT EXISTS ${sqlColumn(to.name)} ${type};`;
        if (isTakenOver(key, context)) {
          const message = `${label} is another column after this, with another type or other values`;
          return { message, ...(table === undefined ? {} : { table }), severity: "warning" as const };
        }
        return {
          message: `${label} is no longer found under that name`,
          ...(table === undefined ? {} : { table }),
          ...(type !== undefined && add !== undefined ? { saferSql: add } : {}),
        };
      }),
};

const renameObject: LintRule = {
  id: "rename-object",
  topic: "compatibility",
  severity: "error",
  title: "A function, type, enum value, schema or role gets another name or schema",
  why: [
    "Queries of the running release that use the old name fail from the commit on: 42883 for functions, 42704 for types, 22P02 for enum values, 3F000 for schemas.",
  ],
  safer: "Make the new one beside the old, and drop the old one when no release uses it.",
  example: {
    before: "CREATE TYPE mood AS ENUM ('sad');",
    bad: "ALTER TYPE mood RENAME TO feeling;",
    good: ["CREATE TYPE feeling AS ENUM ('sad');"],
  },
  looksAt: ["RenameStmt", "AlterObjectSchemaStmt", "AlterEnumStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    renamedBy(statement, context)
      .filter((effect) => isNamedInQueries(effect, context) && !isTakenOver(effect.key, context))
      .map(({ kind, label }) => ({ message: `${kind} ${label} is no longer found under that name` })),
};

const addColumnSelectStar: LintRule = {
  id: "add-column-prepared-star",
  topic: "realtime",
  severity: "info",
  title: "A new column changes what SELECT * and RETURNING * give",
  why: [
    "A prepared statement with SELECT * or RETURNING * on the table fails in each connection that has it, until it is prepared again: 0A000, “cached plan must not change result type”. Drivers that name their statements keep them for as long as the connection lives.",
  ],
  safer:
    "Name the columns in the app's queries. Where there are prepared ones with *, recycle the connection pool after the migration.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;",
    good: ["CREATE TABLE IF NOT EXISTS user_locale (user_id bigint PRIMARY KEY, locale text NOT NULL);"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    const alter = alterTableOf(statement);
    const column = alterCommands(statement).find(({ subtype }) => subtype === "AT_AddColumn");
    if (alter?.relation === undefined || alter.objtype !== "OBJECT_TABLE" || column === undefined) return [];
    const table = tableOf(context, alter.relation);
    const model = context.model.table(table);
    const { colname } = columnIn(column.def) ?? {};
    // Only of tables that are known to be old, and not of a column that is there; once for a table is enough.
    if (model === undefined || model.columns.some(({ name }) => name === colname)) return [];
    if (context.index !== (firstAdditions(context).get(formatName(table)) ?? context.index)) return [];
    return [{ message: `Prepared SELECT * on ${formatName(table)} fail once after this`, table }];
  },
};

/** The place of the first column that is added to a table, by the table. */
const firstAdditions = perFile((context) => {
  const added = effectsOfFile(context).all.filter(
    ({ effect }) => effect.action === "create" && effect.kind === "column",
  );
  const places = added.flatMap(({ effect, index }) =>
    effect.table ? [[formatName(effect.table), index] as const] : [],
  );
  return new Map(places.reverse());
});

const viewSelectStar: LintRule = {
  id: "view-select-star",
  topic: "compatibility",
  severity: "info",
  title: "A view with SELECT *",
  why: [
    "The * is written out when the view is made: columns that the table gets later are not in it. Made anew with CREATE OR REPLACE it fails with 42P16 as soon as a column of the table was dropped or stands elsewhere.",
  ],
  safer: "Name the columns of the view.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
    bad: "CREATE OR REPLACE VIEW members AS SELECT * FROM users;",
    good: ["CREATE OR REPLACE VIEW members AS SELECT id, name FROM users;"],
  },
  looksAt: ["ViewStmt"],
  exemptsNewTables: false,
  check({ node }) {
    if (!("ViewStmt" in node)) return [];
    const query = node.ViewStmt.query;
    const targets = query !== undefined && "SelectStmt" in query ? query.SelectStmt.targetList : undefined;
    if (nodesOf(targets, "A_Star").length === 0) return [];
    return [{ message: `View ${node.ViewStmt.view?.relname} has the columns of today, and none that are added later` }];
  },
};

function renamedBy(statement: LintStatement, context: LintContext): readonly Effect[] {
  if (statement.runs === "called") return [];
  return effectsOf(statement, context).filter(({ action }) => action === "rename");
}

function isReadable(kind: Effect["kind"]): boolean {
  return ["table", "view", "materialized view", "foreign table"].includes(kind);
}

/** Of a kind that queries name, and not made by the pending set itself. */
function isNamedInQueries({ kind, name, key }: Effect, { model }: LintContext): boolean {
  if (kind === "enum value" || kind === "schema" || kind === "role") return true;
  const family = kind === "function" || kind === "procedure" ? "function" : "type";
  if (!["function", "procedure", "type", "domain"].includes(kind)) return false;
  return !model.isNew(family, { schema: placeIn(key ?? "[]")[0], name });
}

/** Another thing gets the name later in the same transaction: the two are swapped. */
function isTakenOver(key: string | undefined, context: LintContext): boolean {
  const later = (effectsOfFile(context).byKey.get(key ?? "") ?? []).filter(({ index }) => index > context.index);
  return context.isTransactional && later.some(({ effect }) => effect.action === "rename" && effect.to?.key === key);
}

/** A view or table of the old name follows in the same transaction. */
function isMadeAnew(key: string | undefined, context: LintContext): boolean {
  return context.isTransactional && createsOf(key, context).some(({ index }) => index > context.index);
}

/** The column was added by this very file: it is a step of a swap. */
function isMadeHere(key: string | undefined, context: LintContext): boolean {
  return createsOf(key, context).some(({ index }) => index < context.index);
}

function createsOf(key: string | undefined, context: LintContext) {
  return (effectsOfFile(context).byKey.get(key ?? "") ?? []).filter(
    ({ effect }) => effect.action === "create" && effect.key === key,
  );
}

function withView({ text, isInBody }: LintStatement, { table, to, kind }: Effect): { readonly saferSql?: string } {
  if (table === undefined || to === undefined || kind !== "table" || isInBody) return {};
  const [schema, name] = placeIn(to.key);
  const view = `CREATE VIEW ${sqlName(table)} AS SELECT * FROM ${sqlName({ schema, name })};`;
  return { saferSql: `${text.replace(/;$/, "")};\n${view}` };
}

/** The schema and name in a key. */
function placeIn(key: string): readonly [string, string] {
  const parts: unknown = JSON.parse(key);
  return Array.isArray(parts) ? [String(parts[1]), String(parts[2])] : ["", ""];
}

export const compatibilityRules: readonly LintRule[] = [
  renameTable,
  renameColumn,
  renameObject,
  addColumnSelectStar,
  viewSelectStar,
];
