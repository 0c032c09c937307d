import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { serverNames } from "../support/postgres.js";
import { brief, prove, proveFolder } from "../support/prove.js";

interface Fault {
  readonly title: string;
  readonly files: Readonly<Record<string, string>>;
  /** All findings of severity error and warning, and of the full replay none. */
  readonly found: readonly string[];
}

const table = {
  "1_a.up.sql": "CREATE TABLE IF NOT EXISTS t (n int NOT NULL);",
  "1_a.down.sql": "DROP TABLE IF EXISTS t;",
};

const counter = {
  "1_a.up.sql":
    "CREATE TABLE IF NOT EXISTS counters (name text PRIMARY KEY, n int); INSERT INTO counters VALUES ('a', 1), ('b', 2) ON CONFLICT DO NOTHING;",
  "1_a.down.sql": "DROP TABLE IF EXISTS counters;",
};

const createMood =
  "DO $$ BEGIN IF to_regtype('mood') IS NULL THEN CREATE TYPE mood AS ENUM ('low', 'high'); END IF; END $$;";

const faults: readonly Fault[] = [
  {
    title: "a guarded file that loses the primary key when it is run again",
    files: {
      "1_a.up.sql": "CREATE TABLE IF NOT EXISTS t (old int CONSTRAINT t_pk PRIMARY KEY);",
      "1_a.down.sql": "DROP TABLE IF EXISTS t;",
      "2_key.up.sql":
        "SELECT 1;\nALTER TABLE t DROP CONSTRAINT IF EXISTS t_pk, ADD COLUMN IF NOT EXISTS id bigint CONSTRAINT t_pk PRIMARY KEY;",
    },
    found: ["error rerun-changes-schema 2_key.up.sql:2 constraint public.t t_pk, index public.t_pk"],
  },
  {
    title: "rows that are inserted once more",
    files: {
      "1_a.up.sql": "CREATE TABLE IF NOT EXISTS kinds (name text);\n\nINSERT INTO kinds VALUES ('a'), ('b');",
      "1_a.down.sql": "DROP TABLE IF EXISTS kinds;",
    },
    found: ["error rerun-changes-rows 1_a.up.sql:3 rows of kinds"],
  },
  {
    title: "a number that is counted up once more",
    files: { ...counter, "2_up.up.sql": "UPDATE counters\n   SET n = n + 1;" },
    found: ["error rerun-changes-rows 2_up.up.sql:1 rows of counters"],
  },
  {
    title: "rows that are written again as they are",
    files: { ...counter, "2_up.up.sql": "\nUPDATE counters SET name = lower(name);" },
    found: ["warning rerun-rewrites-rows 2_up.up.sql:2 rows of counters"],
  },
  {
    title: "a sequence that setval sets back",
    files: {
      "1_a.up.sql": "CREATE SEQUENCE IF NOT EXISTS ids;\nSELECT setval('ids', 1000);",
      "1_a.down.sql": "DROP SEQUENCE IF EXISTS ids;",
    },
    found: ["error rerun-moves-sequence 1_a.up.sql:2 sequence ids"],
  },
  {
    title: "a sequence that is restarted",
    files: {
      "1_a.up.sql": "CREATE SEQUENCE IF NOT EXISTS ids;\nALTER SEQUENCE ids RESTART WITH 1000;",
      "1_a.down.sql": "DROP SEQUENCE IF EXISTS ids;",
    },
    found: ["error rerun-moves-sequence 1_a.up.sql:2 sequence ids"],
  },
  {
    title: "numbers that ON CONFLICT DO NOTHING takes from a sequence",
    files: {
      "1_a.up.sql":
        "CREATE TABLE IF NOT EXISTS kinds (id int GENERATED ALWAYS AS IDENTITY, name text UNIQUE);\nINSERT INTO kinds (name) VALUES ('a') ON CONFLICT DO NOTHING;",
      "1_a.down.sql": "DROP TABLE IF EXISTS kinds;",
    },
    found: ["warning rerun-moves-sequence 1_a.up.sql:2 sequence kinds_id_seq"],
  },
  {
    title: "a table without a guard",
    files: { "1_a.up.sql": "SELECT 1;\n  CREATE TABLE t (n int);", "1_a.down.sql": "DROP TABLE IF EXISTS t;" },
    found: ["error rerun-fails 1_a.up.sql:2"],
  },
  {
    title: "an index that down forgets",
    files: {
      ...table,
      "2_b.up.sql": "CREATE INDEX IF NOT EXISTS t_n ON t (n);\nALTER TABLE t ADD COLUMN IF NOT EXISTS b int;",
      "2_b.down.sql": "ALTER TABLE t DROP COLUMN IF EXISTS b;",
    },
    found: ["error down-differs 2_b.down.sql index public.t_n"],
  },
  {
    title: "a type that down forgets, and does not let up run again",
    files: {
      "1_a.up.sql": "CREATE TYPE mood AS ENUM ('low', 'high');\nCREATE TABLE IF NOT EXISTS t (m mood);",
      "1_a.down.sql": "DROP TABLE IF EXISTS t;",
    },
    found: [
      "error rerun-fails 1_a.up.sql:1",
      "error down-differs 1_a.down.sql type public.mood",
      "error up-again-fails 1_a.up.sql:1",
    ],
  },
  {
    title: "a right that down leaves granted",
    files: { ...table, "2_b.up.sql": "GRANT SELECT ON t TO roomctl_prove_reader;", "2_b.down.sql": "SELECT 1;" },
    found: ["error down-differs 2_b.down.sql privileges on table public.t to roomctl_prove_reader"],
  },
  {
    title: "default privileges that down leaves",
    files: {
      ...table,
      "2_b.up.sql": "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO roomctl_prove_reader;",
      "2_b.down.sql": "SELECT 1;",
    },
    found: [
      "error down-differs 2_b.down.sql default privileges of <migrator> on tables in schema public to roomctl_prove_reader",
    ],
  },
  {
    title: "a down that fails",
    files: { ...table, "2_b.up.sql": "SELECT 1;", "2_b.down.sql": "SELECT 1;\nDROP TABLE nowhere;" },
    found: ["error down-fails 2_b.down.sql:2"],
  },
  {
    title: "a down that takes more than up brought",
    files: { ...table, "2_b.up.sql": "SELECT 1;", "2_b.down.sql": "SELECT 1;\nALTER TABLE t ALTER n DROP NOT NULL;" },
    found: ["error down-differs 2_b.down.sql:2 column public.t 001 n"],
  },
  {
    title: "a down that brings an enum back in another order",
    files: {
      "1_a.up.sql": createMood,
      "1_a.down.sql": "DROP TYPE IF EXISTS mood;",
      "2_b.up.sql": "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'middle' BEFORE 'high';",
      "2_b.down.sql": "DROP TYPE mood;\nCREATE TYPE mood AS ENUM ('high', 'low');",
    },
    found: [
      "error down-differs 2_b.down.sql:2 type public.mood",
      "error up-again-differs 2_b.up.sql:1 type public.mood",
    ],
  },
  {
    title: "an up that decides by a row that down leaves",
    files: {
      ...counter,
      "2_b.up.sql": `DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM counters WHERE name = 'done') THEN
          INSERT INTO counters VALUES ('done', 0);
          CREATE TABLE made (n int);
        END IF;
      END $$;`,
      "2_b.down.sql": "DROP TABLE IF EXISTS made;",
    },
    found: ["error up-again-differs 2_b.up.sql column public.made 001 n, table public.made"],
  },
  {
    title: "a comment that is lost when a function is made anew",
    files: {
      "1_a.up.sql": `DROP FUNCTION IF EXISTS f();
        CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        DO $$ BEGIN
          IF to_regclass('marked') IS NULL THEN
            CREATE TABLE marked ();
            COMMENT ON FUNCTION f() IS 'one';
          END IF;
        END $$;`,
      "1_a.down.sql": "DROP FUNCTION IF EXISTS f(); DROP TABLE IF EXISTS marked;",
    },
    found: ["error rerun-changes-schema 1_a.up.sql:1 comment on function public.f()"],
  },
  {
    title: "a file outside of a transaction that cannot be run again after an interruption",
    files: {
      "1_a.up.sql": "CREATE TABLE t (n int);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n);",
      "1_a.down.sql": "DROP TABLE IF EXISTS t;",
    },
    found: ["error rerun-fails 1_a.up.sql:1", "error prefix-fails 1_a.up.sql:1"],
  },
  {
    title: "a file outside of a transaction that comes to something else after an interruption",
    files: {
      "1_a.up.sql": `-- roomctl:no-transaction
        DO $$ BEGIN
          IF to_regclass('z') IS NULL THEN CREATE TABLE z ();
          ELSIF to_regclass('y') IS NULL THEN DROP TABLE z;
          END IF;
        END $$;
        CREATE TABLE IF NOT EXISTS y ();`,
      "1_a.down.sql": "DROP TABLE IF EXISTS y, z;",
    },
    found: ["error prefix-diverges 1_a.up.sql:2 table public.z"],
  },
  {
    title: "an index build without a guard",
    files: {
      ...table,
      "2_b.up.sql": "CREATE INDEX CONCURRENTLY t_n ON t (n);",
      "2_b.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS t_n;",
    },
    found: ["error rerun-fails 2_b.up.sql:1"],
  },
  {
    title: "a number that is counted up once more, in a table that no migration fills",
    files: { ...table, "2_b.up.sql": "SELECT 1;\nUPDATE t SET n = n + 1;" },
    found: ["error rerun-changes-rows 2_b.up.sql:2 rows of t"],
  },
  {
    title: "the same by a change of the type",
    files: { ...table, "2_b.up.sql": "ALTER TABLE t ALTER n TYPE int USING n + 1;" },
    found: ["error rerun-changes-rows 2_b.up.sql:1 rows of t"],
  },
  {
    title: "the same in a DO block",
    files: { ...table, "2_b.up.sql": "DO $$ BEGIN UPDATE t SET n = n + 1; END $$;" },
    found: ["error rerun-changes-rows 2_b.up.sql:1 rows of t"],
  },
  {
    title: "the same outside of a transaction",
    files: { ...table, "2_b.up.sql": "-- roomctl:no-transaction\nUPDATE t SET n = n + 1;" },
    found: ["error rerun-changes-rows 2_b.up.sql:2 rows of t"],
  },
  {
    title: "a DELETE of what the app wrote between the runs",
    files: { ...table, "2_b.up.sql": "DELETE FROM t;" },
    found: ["error rerun-changes-rows 2_b.up.sql:1 rows of t"],
  },
  {
    title: "a DELETE of what the app wrote between the runs, where a condition may spare it",
    files: { ...table, "2_b.up.sql": "DELETE FROM t WHERE n > 0;" },
    found: ["warning rerun-changes-rows 2_b.up.sql:1 rows of t"],
  },
  {
    title: "a TRUNCATE of what the app wrote between the runs",
    files: { ...table, "2_b.up.sql": "TRUNCATE t;" },
    found: ["error rerun-changes-rows 2_b.up.sql:1 rows of t"],
  },
  {
    title: "a table that is dropped and made anew, with the app's rows",
    files: {
      "1_a.up.sql": "DROP TABLE IF EXISTS t;\nCREATE TABLE t (n int);",
      "1_a.down.sql": "DROP TABLE IF EXISTS t;",
    },
    found: ["error rerun-changes-rows 1_a.up.sql:1 rows of t"],
  },
  {
    title: "rows that are copied once more",
    files: {
      ...table,
      "2_b.up.sql": "CREATE TABLE IF NOT EXISTS copy (n int);\nINSERT INTO copy SELECT n FROM t;",
      "2_b.down.sql": "DROP TABLE IF EXISTS copy;",
    },
    found: ["error rerun-changes-rows 2_b.up.sql:2 rows of copy"],
  },
  {
    title: "rows that are copied once more, and are not let in",
    files: {
      ...table,
      "2_b.up.sql": "CREATE TABLE IF NOT EXISTS copy (n int PRIMARY KEY);\nINSERT INTO copy SELECT n FROM t;",
      "2_b.down.sql": "DROP TABLE IF EXISTS copy;",
    },
    found: ["error rerun-fails 2_b.up.sql:2"],
  },
  {
    title: "rows that are written again because time goes on",
    files: {
      "1_a.up.sql": "CREATE TABLE IF NOT EXISTS seen (at timestamptz DEFAULT '2020-01-01');",
      "1_a.down.sql": "DROP TABLE IF EXISTS seen;",
      "2_b.up.sql": "UPDATE seen SET at = now() WHERE at < now();",
    },
    found: ["error rerun-changes-rows 2_b.up.sql:1 rows of seen"],
  },
  {
    title: "an index build that goes on in another schema, since what a function set is not set again",
    files: {
      "1_a.up.sql":
        "CREATE SCHEMA IF NOT EXISTS app;\nCREATE TABLE IF NOT EXISTS app.t (n int);\nCREATE TABLE IF NOT EXISTS t (n int);",
      "1_a.down.sql": "DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS app CASCADE;",
      "2_b.up.sql":
        "SELECT set_config('search_path', 'app', false);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n);",
      "2_b.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS app.t_n;",
    },
    found: ["error invalid-index-stays 2_b.up.sql:2 index app.t_n, index public.t_n"],
  },
  {
    title: "an index build that cannot go on, since what a function set is not set again",
    files: {
      "1_a.up.sql": "CREATE SCHEMA IF NOT EXISTS app;\nCREATE TABLE IF NOT EXISTS app.t (n int);",
      "1_a.down.sql": "DROP SCHEMA IF EXISTS app CASCADE;",
      "2_b.up.sql":
        "SELECT set_config('search_path', 'app', false);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n);",
      "2_b.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS app.t_n;",
    },
    found: ["error invalid-index-fails 2_b.up.sql:2"],
  },
  {
    title: "a file that does not apply",
    files: { ...table, "2_b.up.sql": "CREATE TABLE t (n int);", "3_c.up.sql": "SELECT 1;" },
    found: ["error up-fails 2_b.up.sql:1"],
  },
];

/** What another major version could do otherwise; the rest is the same for all. */
const versionBound = faults.filter(({ title }) =>
  /primary key|setval|restarted|forgets|privileges|enum|comment|outside|between the runs|made anew|go on/.test(title),
);

describe.each(serverNames)("on %s", (server) => {
  test.each(server === "postgres18" ? faults : versionBound)("$title: found and named", async ({ files, found }) => {
    const { findings } = await prove(server, files);
    expect(findings.filter(({ severity }) => severity !== "info").map(brief)).toEqual(found);
  });

  test("the reference app's migrations are proven", async () => {
    const report = await proveFolder(server, join(packageRoot, "migrations"));
    expect(report.findings.map(brief)).toEqual([]);
    expect(report.migrations.map(({ state }) => state)).toEqual(report.migrations.map(() => "proven"));
  });

  test("an index build over the invalid index of one that was cut off ends valid; psql -f keeps it, and that is told", async () => {
    const { findings, migrations, isProven } = await prove(server, {
      "1_a.up.sql": 'CREATE SCHEMA IF NOT EXISTS "Odd"; CREATE TABLE IF NOT EXISTS "Odd"."T" (n int);',
      "1_a.down.sql": 'DROP SCHEMA IF EXISTS "Odd" CASCADE;',
      "2_b.up.sql": `SET search_path = "Odd";\nCREATE INDEX CONCURRENTLY IF NOT EXISTS "I" ON "T" (n);`,
      "2_b.down.sql": 'DROP INDEX CONCURRENTLY IF EXISTS "Odd"."I";',
    });
    expect(findings.map(brief)).toEqual(["info psql-rerun-keeps-invalid-index 2_b.up.sql:2"]);
    expect(isProven).toBe(true);
    expect(migrations[1]?.checks.map(({ check, outcome }) => [check, outcome])).toEqual([
      ["rerun", "holds"],
      ["prefixes", "holds"],
      ["invalid-index", "holds"],
      ["round-trip", "holds"],
    ]);
  });

  test("what is allowed is not found", async () => {
    const { findings } = await prove(server, {
      "1_a.up.sql": `${createMood}
        CREATE TABLE IF NOT EXISTS t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood DEFAULT 'low', name text UNIQUE);
        CREATE TABLE IF NOT EXISTS parts (t bigint REFERENCES t DEFERRABLE INITIALLY DEFERRED);`,
      "1_a.down.sql": "DROP TABLE IF EXISTS parts, t; DROP TYPE IF EXISTS mood;",
      // A value that only works once it is committed.
      "2_b.up.sql": "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'middle' BEFORE 'high';",
      "3_c.up.sql": "ALTER TABLE t ALTER m SET DEFAULT 'middle';",
      "3_c.down.sql": "ALTER TABLE t ALTER m SET DEFAULT 'low';",
      // Pending trigger events, a row that is taken back, a function made anew, a temporary table, settings of the session.
      "4_d.up.sql": `SET search_path = public, pg_temp;
        INSERT INTO t (name) SELECT 'a' WHERE NOT EXISTS (SELECT FROM t WHERE name = 'a');
        INSERT INTO parts SELECT id FROM t WHERE NOT EXISTS (SELECT FROM parts);
        SET CONSTRAINTS ALL IMMEDIATE;
        DO $$ BEGIN
          INSERT INTO t (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'a');
        EXCEPTION WHEN unique_violation THEN NULL;
        END $$;
        CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
        COMMENT ON FUNCTION f() IS 'one';
        DROP TRIGGER IF EXISTS touch ON t;
        CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER touch BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
        CREATE TEMPORARY TABLE scratch (n int) ON COMMIT DROP;
        SET work_mem = '1MB'`,
      "4_d.down.sql": `DROP TRIGGER IF EXISTS touch ON t; DROP FUNCTION IF EXISTS touch(), f(); DELETE FROM parts; DELETE FROM t WHERE name = 'a';`,
    });
    expect(findings.map(brief)).toEqual(["info no-down 2_b.up.sql"]);
  });
});

test("made-up rows are in nobody's way: not where they do not fit, not for a backfill, and not in the next migration", async () => {
  const { findings, migrations } = await prove("postgres18", {
    "1_a.up.sql":
      "CREATE TABLE IF NOT EXISTS t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, low text);",
    "1_a.down.sql": "DROP TABLE IF EXISTS t;",
    "2_b.up.sql": "UPDATE t SET low = lower(name) WHERE low IS DISTINCT FROM lower(name);",
    "2_b.down.sql": "SELECT 1;",
    "3_c.up.sql":
      "SELECT 1; DO $$ BEGIN ALTER TABLE t ADD CONSTRAINT short CHECK (length(name) < 2); EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
    "3_c.down.sql": "ALTER TABLE t DROP CONSTRAINT IF EXISTS short;",
    "4_d.up.sql":
      "DO $$ BEGIN IF EXISTS (SELECT FROM t) THEN RAISE 'there are rows'; END IF; END $$; SELECT nextval('t_id_seq') WHERE false;",
    "4_d.down.sql": "SELECT 1;",
  });
  expect(findings.map(brief)).toEqual([]);
  const notes = migrations.map(({ checks }) => checks.find(({ check }) => check === "rerun")?.note);
  expect(notes).toEqual([null, null, "made-up rows do not fit it", "made-up rows do not fit it"]);
});

test("numbers that the proof takes from sequences are not missing for the migrations after it", async () => {
  const { migrations, findings } = await prove("postgres18", {
    "1_a.up.sql": "CREATE TABLE IF NOT EXISTS t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text);",
    "1_a.down.sql": "DROP TABLE IF EXISTS t;",
    "2_b.up.sql": "INSERT INTO t (name) SELECT 'a' WHERE NOT EXISTS (SELECT FROM t); SELECT 1;",
    "2_b.down.sql": "DELETE FROM t;",
    "3_c.up.sql": "DO $$ BEGIN IF NOT EXISTS (SELECT FROM t WHERE id = 1) THEN RAISE 'taken'; END IF; END $$;",
    "3_c.down.sql": "SELECT 1;",
  });
  expect(findings.map(brief)).toEqual([]);
  expect(migrations.map(({ state }) => state)).toEqual(["proven", "proven", "proven"]);
});

test("a migration that does not apply leaves those after it not reached, and says so", async () => {
  const { migrations, fullReplay, isProven } = await prove("postgres18", {
    ...table,
    "2_b.up.sql": "CREATE TABLE t (n int);",
    "3_c.up.sql": "SELECT 1;",
  });
  expect(migrations.map(({ state }) => state)).toEqual(["proven", "refuted", "not-reached"]);
  expect([fullReplay.outcome, isProven]).toEqual(["skipped", false]);
});

test("a file in one transaction that psql could leave half done is told, and is no error", async () => {
  const { findings, isProven } = await prove("postgres18", {
    "1_a.up.sql": `DO $$ BEGIN
        IF to_regclass('z') IS NULL THEN CREATE TABLE z ();
        ELSIF to_regclass('y') IS NULL THEN DROP TABLE z;
        END IF;
      END $$;
      CREATE TABLE IF NOT EXISTS y ();`,
    "1_a.down.sql": "DROP TABLE IF EXISTS y, z;",
  });
  expect(findings.map(brief)).toEqual(["info prefix-diverges 1_a.up.sql:1 table public.z"]);
  expect(isProven).toBe(true);
});

test("what a later migration renames comes back in the full replay, which is told and is no error", async () => {
  const { fullReplay, isProven } = await prove("postgres18", {
    ...table,
    "2_b.up.sql": "DO $$ BEGIN IF to_regclass('u') IS NULL THEN ALTER TABLE t RENAME TO u; END IF; END $$;",
  });
  expect(fullReplay.findings.map(brief)).toEqual([
    "info replay-differs 2_b.up.sql column public.t 001 n, table public.t",
  ]);
  expect(isProven).toBe(true);
});

test("prefixes are tried as they were asked for", async () => {
  const files = { "1_a.up.sql": "SELECT 1;".repeat(60), "1_a.down.sql": "SELECT 1;" };
  const noteOf = async (prefixes: "all" | "auto" | "none") => {
    const { migrations } = await prove("postgres18", files, { prefixes });
    return migrations[0]?.checks.find(({ check }) => check === "prefixes")?.note;
  };
  expect(await noteOf("auto")).toBe("24 of 59 prefixes");
  expect(await noteOf("all")).toBe("59 prefixes");
  expect(await noteOf("none")).toBe("--prefixes none");
});

test("a statement that would reach another server is not run, and is told", async () => {
  const { notRun, findings } = await prove("postgres18", {
    "1_a.up.sql": "SELECT 1;\nCREATE SUBSCRIPTION s CONNECTION 'host=192.0.2.1' PUBLICATION p;",
    "1_a.down.sql": "DROP SUBSCRIPTION IF EXISTS s;",
  });
  expect(findings.map(brief)).toEqual([]);
  expect(notRun.map(({ line, statement }) => [line, statement.split(" ", 2).join(" ")])).toEqual([
    [2, "CREATE SUBSCRIPTION"],
    [1, "DROP SUBSCRIPTION"],
  ]);
});

test("on a server of the operator's own, nothing is run that would stay there", async () => {
  const proving = prove(
    "postgres18",
    { "1_a.up.sql": "SELECT 1;\nCREATE ROLE roomctl_prove_stays;" },
    { isSharedServer: true },
  );
  await expect(proving).rejects.toThrow(/1_a\.up\.sql:2 would change the server of --scratch-url/);
});
