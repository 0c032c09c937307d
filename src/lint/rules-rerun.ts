import { type RerunProblem, rerunProblems } from "./rerun.js";
import type { LintHit, LintRule } from "./rule.js";

/* Second runs that succeed, and leave something else behind: I07 of the notes and its relatives. */

const dropThenConditionalAdd: LintRule = {
  id: "drop-then-conditional-add",
  topic: "idempotence",
  severity: "error",
  title: "A second run drops something and does not make it again",
  why: [
    "The DROP … IF EXISTS finds the object that the first run made, and drops it; the IF NOT EXISTS that made it finds its table or column there, and does nothing. Every statement succeeds, and the key is gone: duplicates are accepted from then on, and nobody is told.",
  ],
  safer: "Guard both together: one DO block that looks for the object first, and drops and adds behind the same IF.",
  example: {
    before: "CREATE TABLE players (name text NOT NULL, CONSTRAINT players_pkey PRIMARY KEY (name));",
    bad: "ALTER TABLE players\n  DROP CONSTRAINT IF EXISTS players_pkey,\n  ADD COLUMN IF NOT EXISTS id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;",
    good: [
      "DO $$\nBEGIN\n  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'players'::regclass AND attname = 'id') THEN\n    ALTER TABLE players\n      DROP CONSTRAINT IF EXISTS players_pkey,\n      ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;\n  END IF;\nEND $$;",
    ],
  },
  exemptsNewTables: false,
  check: (_statement, context) =>
    only(rerunProblems(context), "lost").map(({ effect, lost }) =>
      hit(`A second run drops ${lost ?? effect.label}, and what made it then does nothing`, { effect }),
    ),
};

const dropThenCreate: LintRule = {
  id: "drop-then-create",
  topic: "idempotence",
  severity: "error",
  title: "A second run empties what it made",
  why: [
    "The DROP … IF EXISTS is there so that the CREATE behind it succeeds. When the file runs again it takes the table of the first run, with all that the app has written since; a sequence begins anew, and gives numbers that are taken: 23505.",
  ],
  safer: "CREATE … IF NOT EXISTS without the DROP.",
  example: {
    bad: "DROP TABLE IF EXISTS scores;\nCREATE TABLE scores (id bigint PRIMARY KEY);",
    good: ["CREATE TABLE IF NOT EXISTS scores (id bigint PRIMARY KEY);"],
  },
  exemptsNewTables: false,
  check: (_statement, context) =>
    only(rerunProblems(context), "emptied").map(({ effect }) =>
      hit(`A second run drops ${effect.kind} ${effect.label} with what the app has put in since the first`, { effect }),
    ),
};

const unnamedObject: LintRule = {
  id: "unnamed-object",
  topic: "idempotence",
  severity: "error",
  title: "An index or constraint without a name is made once more by each run",
  why: [
    "PostgreSQL makes up a name that is free: users_email_idx, then users_email_idx1. A second run succeeds, and leaves a second index or constraint that every write pays for.",
  ],
  safer: "Give it a name. Then IF NOT EXISTS, or for constraints a look into the catalog, can find it.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "CREATE INDEX ON users (email);",
    good: ["CREATE INDEX IF NOT EXISTS users_email_idx ON users (email);"],
  },
  exemptsNewTables: false,
  check: (_statement, context) =>
    only(rerunProblems(context), "twice").map(({ effect }) =>
      hit(
        `A second run makes another ${effect.kind} ${effect.kind === "index" ? effect.label : `of ${effect.table?.name ?? effect.label}`}`,
        {
          effect,
        },
      ),
    ),
};

function only(problems: readonly RerunProblem[], problem: RerunProblem["problem"]): readonly RerunProblem[] {
  return problems.filter((one) => one.problem === problem);
}

function hit(message: string, { effect }: Pick<RerunProblem, "effect">): LintHit {
  const place = effect.location === undefined ? {} : { location: effect.location };
  return { message, ...place, ...(effect.table === undefined ? {} : { table: effect.table }) };
}

export const rerunRules: readonly LintRule[] = [dropThenConditionalAdd, dropThenCreate, unnamedObject];
