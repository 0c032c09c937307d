import type { Effect, EffectKind } from "./effects.js";
import { effectsOf } from "./effects.js";
import { withCatalogGuard, withOwnGuard } from "./guard-sql.js";
import { perFile } from "./per-file.js";
import { type RerunProblem, rerunProblems } from "./rerun.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";

/* Statements that fail when the file runs again: I01, I02, I03, I04 and I06 of the notes. */

const whenItMatters =
  "A file runs again after it failed or was killed half-way, when its record was lost, and in every test that builds on a database that is there. In a file that runs several statements outside of a transaction what is done stays done, so that this is an error there.";

const createWithoutGuard = guardRule({
  id: "create-without-guard",
  action: "create",
  isAbout: (kind) => hasGuardSyntax.has(kind),
  title: "CREATE that fails when it runs again",
  failure:
    "A second run fails with 42P07 (duplicate_table), 42710 (duplicate_object), 42P06 (duplicate_schema) or 42723 (duplicate_function).",
  safer: "IF NOT EXISTS; for views, functions, triggers and rules OR REPLACE.",
  example: {
    bad: "CREATE TABLE rooms (id bigint PRIMARY KEY);",
    good: ["CREATE TABLE IF NOT EXISTS rooms (id bigint PRIMARY KEY);"],
  },
});

const hasGuardSyntax: ReadonlySet<EffectKind> = new Set<EffectKind>([
  ...(["table", "index", "sequence", "schema", "extension", "materialized view", "foreign table"] as const),
  ...(["view", "function", "procedure", "trigger", "rule", "aggregate"] as const),
]);

const createWithoutSyntax = guardRule({
  id: "create-without-if-not-exists",
  action: "create",
  isAbout: (kind) => !hasGuardSyntax.has(kind) && kind !== "column" && kind !== "enum value",
  title: "CREATE or ADD that fails when it runs again, and has no IF NOT EXISTS",
  failure:
    "Types, domains, policies, roles, publications and constraints have no IF NOT EXISTS: writing it is a syntax error (42601). A second run fails with 42710 (duplicate_object).",
  safer:
    "A DO block that looks into the catalog first, or DROP … IF EXISTS before it in the same transaction where nothing hangs on the object.",
  example: {
    bad: "CREATE TYPE mood AS ENUM ('sad');",
    good: [
      "DO $$\nBEGIN\n  IF to_regtype('mood') IS NULL THEN\n    CREATE TYPE mood AS ENUM ('sad');\n  END IF;\nEND $$;",
    ],
  },
});

const addColumnWithoutGuard = guardRule({
  id: "add-column-without-guard",
  action: "create",
  isAbout: (kind) => kind === "column",
  title: "ADD COLUMN that fails when it runs again",
  failure: "A second run fails with 42701 (duplicate_column).",
  safer: "ADD COLUMN IF NOT EXISTS.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users ADD COLUMN locale text;",
    good: ["ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;"],
  },
});

const enumValueWithoutGuard = guardRule({
  id: "enum-value-without-guard",
  action: "create",
  isAbout: (kind) => kind === "enum value",
  title: "ADD VALUE that fails when it runs again",
  failure: "A second run fails with 42710 (duplicate_object).",
  safer: "ADD VALUE IF NOT EXISTS.",
  example: {
    before: "CREATE TYPE mood AS ENUM ('sad');",
    bad: "ALTER TYPE mood ADD VALUE 'fine';",
    good: ["ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine';"],
  },
});

const dropWithoutGuard = guardRule({
  id: "drop-without-guard",
  action: "drop",
  isAbout: () => true,
  title: "DROP that fails when it runs again",
  failure:
    "A second run fails with 42P01 (undefined_table), 42703 (undefined_column), 42704 (undefined_object) or 42883 (undefined_function).",
  safer: "DROP … IF EXISTS.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);\nCREATE INDEX users_idx ON users (id);",
    bad: "DROP INDEX users_idx;",
    good: ["DROP INDEX IF EXISTS users_idx;"],
  },
});

const renameWithoutGuard = guardRule({
  id: "rename-without-guard",
  action: "rename",
  isAbout: () => true,
  title: "RENAME or SET SCHEMA that fails when it runs again",
  failure:
    "A second run fails with 42703 (undefined_column), 42P01 (undefined_table), 42704 (undefined_object) or 22023 for an enum value: the old name is gone.",
  safer:
    "A DO block that renames only if the old name is there; for tables, views, indexes and sequences ALTER … IF EXISTS.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, nick text);",
    bad: "ALTER TABLE users RENAME COLUMN nick TO nickname;",
    good: [
      "DO $$\nBEGIN\n  IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'nick' AND NOT attisdropped) THEN\n    ALTER TABLE users RENAME COLUMN nick TO nickname;\n  END IF;\nEND $$;",
    ],
  },
});

interface GuardRule extends Pick<LintRule, "id" | "title" | "safer" | "example"> {
  readonly action: Effect["action"];
  readonly failure: string;
  isAbout(kind: EffectKind): boolean;
}

function guardRule({ action, isAbout, failure, ...rule }: GuardRule): LintRule {
  return {
    ...rule,
    topic: "idempotence",
    severity: "warning",
    why: [failure, whenItMatters],
    exemptsNewTables: false,
    check: (statement, context) =>
      rerunProblems(context)
        .filter(({ effect, problem }) => effect.action === action && isAbout(effect.kind) && isFailure(problem))
        .map((one) => hitOf(one, statement, context)),
  };
}

function isFailure(problem: RerunProblem["problem"]): boolean {
  return problem === "exists" || problem === "missing";
}

function hitOf({ effect, problem }: RerunProblem, statement: LintStatement, context: LintContext): LintHit {
  const { location } = effect;
  // Only where the statement does nothing else: a guard for one of several would be one for all.
  const isAlone = effectsOf(statement, context).length === 1;
  const saferSql = isAlone ? (withOwnGuard(statement, effect) ?? withCatalogGuard(statement, effect)) : undefined;
  return {
    message: `A second run fails: ${stateThen(effect, problem)}`,
    ...(location === undefined ? {} : { location }),
    ...(effect.table === undefined ? {} : { table: effect.table }),
    ...(saferSql === undefined ? {} : { saferSql }),
    ...(context.isTransactional || isAloneInFile(context) ? {} : { severity: "error" }),
  };
}

/** The only statement of a file is done and recorded, or not done: it seldom runs twice. */
const isAloneInFile = perFile(({ statements }) => statements.filter(({ isInBody }) => !isInBody).length === 1);

/** What a second run finds: `index users_idx is there by then`. */
function stateThen({ action, kind, label, to }: Effect, problem: RerunProblem["problem"]): string {
  if (action === "rename" && problem === "exists") return `${kind} ${to?.name} is there by then`;
  const thing = kind === "other" ? label : kind === "publication table" ? `table ${label}` : `${kind} ${label}`;
  return `${thing} is ${problem === "exists" ? "there" : "gone"} by then`;
}

export const guardRules: readonly LintRule[] = [
  createWithoutGuard,
  createWithoutSyntax,
  addColumnWithoutGuard,
  enumValueWithoutGuard,
  dropWithoutGuard,
  renameWithoutGuard,
];
