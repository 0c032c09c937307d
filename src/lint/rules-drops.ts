import { type Effect, type EffectKind, effectsOf, effectsOfFile } from "./effects.js";
import { groupBy } from "./group-by.js";
import type { ObjectKind } from "./model.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";

/** What an app that still runs the release before would miss: L17 of the notes. */
const contract =
  'Let the release that no longer uses it run everywhere first, drop it in a migration after that one, and say so there: -- roomctl-ignore <rule> reason="unused since release …".';

const dropTable = dropRule({
  id: "drop-table",
  kinds: ["table", "foreign table"],
  title: "DROP TABLE of a table that may still be used",
  why: [
    "The rows are gone with the transaction's commit, and every query of the running release that names the table fails with 42P01 (undefined_table).",
  ],
  example: {
    before: "CREATE TABLE invites (id bigint PRIMARY KEY);",
    bad: "DROP TABLE IF EXISTS invites;",
    good: ['-- roomctl-ignore drop-table reason="unused since release 41"\nDROP TABLE IF EXISTS invites;'],
  },
});

const dropColumn = dropRule({
  id: "drop-column",
  kinds: ["column"],
  title: "DROP COLUMN of a column that may still be used",
  why: [
    "The values are out of reach from the commit on, and every query of the running release that names the column fails with 42703 (undefined_column). Prepared SELECT * fail once with 0A000.",
  ],
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, nickname text);",
    bad: "ALTER TABLE users DROP COLUMN IF EXISTS nickname;",
    good: [
      '-- roomctl-ignore drop-column reason="unused since release 41"\nALTER TABLE users DROP COLUMN IF EXISTS nickname;',
    ],
  },
});

const dropView = dropRule({
  id: "drop-view",
  kinds: ["view", "materialized view"],
  title: "DROP VIEW of a view that may still be used",
  why: ["Every query of the running release that reads the view fails with 42P01 (undefined_table)."],
  example: {
    before: "CREATE VIEW online AS SELECT 1 AS id;",
    bad: "DROP VIEW IF EXISTS online;",
    good: ["DROP VIEW IF EXISTS online;\nCREATE VIEW online AS SELECT 2 AS id;"],
  },
});

const dropFunction = dropRule({
  id: "drop-function",
  kinds: ["function", "procedure", "aggregate"],
  title: "DROP FUNCTION of a function that may still be called",
  why: ["Every call of it by the running release fails with 42883 (undefined_function)."],
  example: {
    before: "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';",
    bad: "DROP FUNCTION IF EXISTS twice(int);",
    good: [
      "DROP FUNCTION IF EXISTS twice(int);\nCREATE FUNCTION twice(n int) RETURNS bigint LANGUAGE sql AS 'SELECT n * 2::bigint';",
    ],
  },
});

const dropType = dropRule({
  id: "drop-type",
  kinds: ["type", "domain"],
  title: "DROP TYPE of a type that may still be used",
  why: ["Every cast to it by the running release fails with 42704 (undefined_object)."],
  example: {
    before: "CREATE TYPE mood AS ENUM ('sad');",
    bad: "DROP TYPE IF EXISTS mood;",
    good: ['-- roomctl-ignore drop-type reason="no column has it since 0041"\nDROP TYPE IF EXISTS mood;'],
  },
});

const dropSchema = dropRule({
  id: "drop-schema",
  kinds: ["schema"],
  title: "DROP SCHEMA of a schema that may still be used",
  why: ["All that is in it is gone, and every query of the running release that names it fails with 3F000 or 42P01."],
  example: {
    before: "CREATE SCHEMA chat;",
    bad: "DROP SCHEMA IF EXISTS chat;",
    good: ['-- roomctl-ignore drop-schema reason="moved to its own database"\nDROP SCHEMA IF EXISTS chat;'],
  },
});

const dropCascade: LintRule = {
  id: "drop-cascade",
  topic: "data",
  severity: "warning",
  title: "DROP … CASCADE",
  why: [
    "CASCADE also drops what hangs on the object: views, foreign keys of other tables, columns of a type, triggers of a function. The migration names none of them, and what they are may differ from database to database.",
  ],
  safer:
    "Drop by name what hangs on it, then the object itself without CASCADE: then the migration fails where there is more than expected.",
  example: {
    before: "CREATE TABLE rooms (id bigint PRIMARY KEY);\nCREATE VIEW open_rooms AS SELECT id FROM rooms;",
    bad: "DROP TABLE IF EXISTS rooms CASCADE;",
    good: ["DROP VIEW IF EXISTS open_rooms;\nDROP TABLE IF EXISTS rooms;"],
  },
  looksAt: ["DropStmt", "AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    droppedBy(statement, context)
      .filter(({ isCascade }) => isCascade)
      .map(({ kind, label, table }) => ({
        message: `CASCADE drops what hangs on ${kind} ${label} as well, whatever that is`,
        ...(table === undefined ? {} : { table }),
      })),
};

interface DropRule extends Pick<LintRule, "id" | "title" | "why" | "example"> {
  readonly kinds: readonly EffectKind[];
}

function dropRule({ kinds, ...rule }: DropRule): LintRule {
  return {
    ...rule,
    topic: "compatibility",
    severity: "error",
    safer: contract,
    looksAt: ["DropStmt", "AlterTableStmt"],
    exemptsNewTables: true,
    check: (statement, context) =>
      droppedBy(statement, context)
        .filter((effect) => kinds.includes(effect.kind) && isOthers(effect, context))
        .map(hitOf),
  };
}

function droppedBy(statement: LintStatement, context: LintContext): readonly Effect[] {
  if (statement.runs === "called") return [];
  return effectsOf(statement, context).filter(({ action }) => action === "drop");
}

/** False for what the set itself made, and for what is made anew before anyone can miss it. */
function isOthers(effect: Effect, context: LintContext): boolean {
  const { kind, key, table, name } = effect;
  const modelKind = modelKinds[kind];
  const owner = table ?? { schema: schemaOf(key), name };
  if (modelKind !== undefined && context.model.isNew(modelKind, owner)) return false;
  const isKnown = modelKind === undefined || context.model.has(modelKind, owner);
  const isMadeAnew = (createsByName(context).get(name) ?? []).some(
    ({ effect: other, index }) => index > context.index && other.kind === kind && isSame(effect, other),
  );
  // Before a CREATE, DROP … IF EXISTS of something that is not known is only a guard.
  if (isMadeAnew && !isKnown && effect.hasGuard) return false;
  if (!isKnown && context.model.isComplete && effect.hasGuard) return false;
  return !(isMadeAnew && context.isTransactional && keepsNoRows(kind));
}

const createsByName = perFile((context) =>
  groupBy(effectsOfFile(context).all, ({ effect: { action, name } }) => (action === "create" ? [name] : [])),
);

/** The same, or for a function the same with other arguments: calls then mostly still find it. */
function isSame(dropped: Effect, made: Effect): boolean {
  return (
    dropped.key === made.key || (dropped.kind === "function" && made.kind === "function" && dropped.name === made.name)
  );
}

function keepsNoRows(kind: EffectKind): boolean {
  return !["table", "foreign table", "column", "schema"].includes(kind);
}

/** A type's or function's schema: the second part of its key. */
function schemaOf(key: string | undefined): string {
  const parts: unknown = JSON.parse(key ?? "[]");
  return Array.isArray(parts) && typeof parts[1] === "string" ? parts[1] : "";
}

const modelKinds: Partial<Record<EffectKind, ObjectKind>> = {
  table: "table",
  "foreign table": "table",
  view: "view",
  "materialized view": "materialized view",
  function: "function",
  procedure: "function",
  aggregate: "function",
  type: "type",
  domain: "type",
  schema: "schema",
};

function hitOf({ kind, label, table }: Effect): LintHit {
  const message = `DROP ${kind.toUpperCase()} ${label} breaks what still uses it`;
  return { message, ...(table === undefined ? {} : { table }) };
}

export const dropRules: readonly LintRule[] = [
  dropTable,
  dropColumn,
  dropView,
  dropFunction,
  dropType,
  dropSchema,
  dropCascade,
];
