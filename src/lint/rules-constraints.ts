import type { Constraint } from "libpg-query";
import { formatName } from "../db/identifier.js";
import { type AddedConstraint, addedConstraints, isValidatedNow, notValidSql } from "./added-constraints.js";
import { stringsIn } from "./names.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlColumn, sqlColumns, sqlName, sqlObjectName, sqlType } from "./sql.js";
import { clauseAt } from "./tree-text.js";

const addCheck: LintRule = {
  id: "add-check-valid",
  topic: "locks",
  severity: "error",
  title: "CHECK that is validated when it is added",
  why: [
    "ALTER TABLE holds an AccessExclusiveLock while it checks every row: nobody reads or writes the table meanwhile.",
    "NOT VALID checks new rows only; VALIDATE CONSTRAINT then reads the old ones under a ShareUpdateExclusiveLock, which lets reads and writes go on.",
  ],
  safer: "Add it as NOT VALID, and VALIDATE it in the next migration.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, age int);",
    bad: "ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0);",
    good: [
      "ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID;",
      "ALTER TABLE users VALIDATE CONSTRAINT users_age_check;",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    addedConstraints(statement, context)
      .filter(({ constraint }) => constraint.contype === "CONSTR_CHECK" && isValidatedNow(constraint))
      .map((added) => {
        const name = added.constraint.conname ?? sqlObjectName(added.table.name, ...named(added.column), "check");
        const message = `CHECK ${name} reads all of ${formatName(added.table)} while nobody can use it`;
        const check = added.column === undefined ? clauseAt(statement, added.constraint) : undefined;
        return hitOf(added, { message, saferSql: check && notValidSql(added, name, check) });
      }),
};

function hitOf({ constraint, table }: AddedConstraint, hit: Pick<LintHit, "message" | "saferSql">): LintHit {
  return { ...hit, table, location: constraint.location };
}

const named = (column: string | undefined) => (column === undefined ? [] : [column]);

const addUnique: LintRule = {
  id: "add-unique",
  topic: "locks",
  severity: "error",
  title: "UNIQUE that builds its index under ALTER TABLE's lock",
  why: [
    "The index is built while ALTER TABLE holds an AccessExclusiveLock: nobody reads or writes the table until it is done.",
  ],
  safer:
    "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, then ADD CONSTRAINT … UNIQUE USING INDEX, which changes the catalog only.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);",
    good: [
      "CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);",
      "ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
    ],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: (statement, context) =>
    builtKeys(statement, context, "CONSTR_UNIQUE").map((added) => keyHit(added, { what: "UNIQUE", suffix: "key" })),
};

function builtKeys(
  statement: LintStatement,
  context: LintContext,
  kind: Constraint["contype"],
): readonly AddedConstraint[] {
  return addedConstraints(statement, context).filter(
    ({ constraint }) => constraint.contype === kind && constraint.indexname === undefined,
  );
}

interface KeyWords {
  readonly what: "UNIQUE" | "PRIMARY KEY";
  readonly suffix: string;
}

function keyHit(added: AddedConstraint, { what, suffix }: KeyWords): LintHit {
  const { table, constraint, column, definition } = added;
  const columns = column === undefined ? stringsIn(constraint.keys) : [column];
  const name = constraint.conname ?? sqlObjectName(table.name, ...(what === "UNIQUE" ? columns : []), suffix);
  const message = `${what} (${columns.join(", ")}) builds an index of ${formatName(table)} while nobody can use it`;
  const includes = stringsIn(constraint.including);
  // Beside a new column, it can be written when there is nothing else beside it.
  const isAlone = (definition?.constraints ?? []).length < 2;
  const type = sqlType(definition?.typeName);
  const saferSql = [
    definition
      ? `ALTER TABLE ${sqlName(table)} ADD COLUMN ${sqlColumns(columns)} ${type};\n-- in the next migration:\n`
      : "",
    `CREATE UNIQUE INDEX CONCURRENTLY ${sqlColumn(name)} ON ${sqlName(table)} (${sqlColumns(columns)})`,
    includes.length > 0 ? ` INCLUDE (${sqlColumns(includes)})` : "",
    constraint.nulls_not_distinct ? " NULLS NOT DISTINCT" : "",
    ";\n-- in the next migration:\n",
    `ALTER TABLE ${sqlName(table)} ADD CONSTRAINT ${sqlColumn(name)} ${what} USING INDEX ${sqlColumn(name)}`,
    constraint.deferrable ? " DEFERRABLE" : "",
    constraint.initdeferred ? " INITIALLY DEFERRED" : "",
    ";",
  ].join("");
  return hitOf(added, { message, saferSql: isAlone && !constraint.without_overlaps ? saferSql : undefined });
}

const addPrimaryKey: LintRule = {
  ...addUnique,
  id: "add-primary-key",
  title: "PRIMARY KEY that builds its index under ALTER TABLE's lock",
  why: [
    "The index is built, and every row is read to be sure that no column of the key is NULL, while ALTER TABLE holds an AccessExclusiveLock: nobody reads or writes the table until it is done.",
  ],
  safer:
    "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, make the columns NOT NULL in steps, then ADD CONSTRAINT … PRIMARY KEY USING INDEX.",
  example: {
    before: "CREATE TABLE users (id bigint NOT NULL, email text);",
    bad: "ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY (id);",
    good: [
      "CREATE UNIQUE INDEX CONCURRENTLY users_pkey ON users (id);",
      "ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey;",
    ],
  },
  check: (statement, context) =>
    builtKeys(statement, context, "CONSTR_PRIMARY").map((added) =>
      keyHit(added, { what: "PRIMARY KEY", suffix: "pkey" }),
    ),
};

const addExclusion: LintRule = {
  ...addUnique,
  id: "add-exclusion",
  title: "EXCLUDE on a table that is in use",
  why: [
    "Its index is built while ALTER TABLE holds an AccessExclusiveLock, and there is no way to build it beforehand: USING INDEX takes no exclusion constraint.",
  ],
  safer:
    "Add it while the table is small, or to a new table that replaces the old one; else run it in a window, with a lock timeout.",
  example: {
    before: "CREATE TABLE bookings (room int, during tsrange);",
    bad: "ALTER TABLE bookings ADD CONSTRAINT bookings_excl EXCLUDE USING gist (during WITH &&);",
    good: ["CREATE TABLE bookings_new (room int, during tsrange, EXCLUDE USING gist (during WITH &&));"],
  },
  check: (statement, context) =>
    builtKeys(statement, context, "CONSTR_EXCLUSION").map((added) =>
      hitOf(added, {
        message: `EXCLUDE builds an index of ${formatName(added.table)} while nobody can use it`,
        saferSql: undefined,
      }),
    ),
};

export const constraintRules: readonly LintRule[] = [addCheck, addUnique, addPrimaryKey, addExclusion];
