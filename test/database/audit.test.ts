import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { auditDatabase } from "../../src/audit/database.js";
import type { Finding } from "../../src/audit/finding.js";
import type { AppDefinition, AuditCheck, StateEntry } from "../../src/core/catalogue.js";
import type { Database } from "../../src/db/pool.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

function madeUpApp(parts: Partial<AppDefinition> = {}): AppDefinition {
  return {
    name: "made-up app",
    states: [],
    shapes: {},
    scopes: [],
    checks: [],
    migrationsDirectory: "/nowhere",
    ...parts,
  };
}

function state(name: string, parts: Partial<StateEntry> = {}): StateEntry {
  return { name, persistence: "durable", lossMeans: `${name} gone`, priority: "high", verdict: "persist", ...parts };
}

async function findingsOf(database: Database, app = madeUpApp()): Promise<readonly Finding[]> {
  return (await auditDatabase(database, app)).findings;
}

/** What SQL brings which finding; beside each stands the same thing done right. */
const planted: readonly {
  readonly id: string;
  readonly severity: string;
  readonly subject: string;
  readonly wrong: string;
  readonly right: string;
  readonly hint: string;
}[] = [
  {
    id: "foreign-key-without-index",
    severity: "warning",
    subject: "child.child_parent_fkey",
    wrong:
      "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE); CREATE INDEX ON child (parent) WHERE id > 0",
    right: "CREATE INDEX ON child (parent)",
    hint: 'CREATE INDEX CONCURRENTLY ON "public"."child" ("parent");',
  },
  {
    id: "foreign-key-without-on-delete",
    severity: "warning",
    subject: "child.child_parent_fkey",
    wrong:
      "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent DEFERRABLE); CREATE INDEX ON child (parent)",
    right:
      "ALTER TABLE child DROP CONSTRAINT child_parent_fkey, ADD CONSTRAINT child_parent_fkey FOREIGN KEY (parent) REFERENCES parent ON DELETE SET NULL",
    hint: "ON DELETE RESTRICT DEFERRABLE NOT VALID; then ",
  },
  {
    id: "foreign-key-not-valid",
    severity: "warning",
    subject: "child.child_parent_fkey",
    wrong:
      "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int); CREATE INDEX ON child (parent); ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent ON DELETE CASCADE NOT VALID",
    right: "ALTER TABLE child VALIDATE CONSTRAINT child_parent_fkey",
    hint: 'ALTER TABLE "public"."child" VALIDATE CONSTRAINT "child_parent_fkey";',
  },
  {
    id: "table-without-primary-key",
    severity: "warning",
    subject: "loose",
    wrong: "CREATE TABLE loose (n int)",
    right: "ALTER TABLE loose ADD PRIMARY KEY (n)",
    hint: 'ALTER TABLE "public"."loose" ADD PRIMARY KEY',
  },
  {
    id: "check-gap",
    severity: "warning",
    subject: "job.payment_status",
    wrong: "CREATE TABLE job (id int PRIMARY KEY, payment_status varchar(20))",
    right: "ALTER TABLE job ADD CHECK (payment_status IN ('paid', 'unpaid'))",
    hint: 'ADD CONSTRAINT "job_payment_status_check" CHECK ("payment_status" IN',
  },
  {
    id: "timestamp-without-time-zone",
    severity: "warning",
    subject: "moment.at",
    wrong: "CREATE TABLE moment (id int PRIMARY KEY, at timestamp(3))",
    right: "ALTER TABLE moment ALTER COLUMN at TYPE timestamptz",
    hint: `TYPE timestamptz USING "at" AT TIME ZONE 'UTC';`,
  },
  {
    id: "json-not-jsonb",
    severity: "warning",
    subject: "document.body",
    wrong: "CREATE TABLE document (id int PRIMARY KEY, body json)",
    right: "ALTER TABLE document ALTER COLUMN body TYPE jsonb",
    hint: 'TYPE jsonb USING "body"::jsonb;',
  },
  {
    id: "index-duplicate",
    severity: "warning",
    subject: "again",
    wrong: "CREATE TABLE twice (a text PRIMARY KEY, b text); CREATE INDEX again ON twice (a)",
    right: "DROP INDEX again",
    hint: 'DROP INDEX CONCURRENTLY "public"."again";',
  },
  {
    id: "index-redundant",
    severity: "warning",
    subject: "short",
    wrong:
      "CREATE TABLE prefix (id int PRIMARY KEY, a int, b text); CREATE INDEX short ON prefix (a, lower(b)); CREATE INDEX long ON prefix (a, lower(b), id)",
    right: "DROP INDEX short",
    hint: 'DROP INDEX CONCURRENTLY "public"."short";',
  },
  {
    id: "constraint-not-valid",
    severity: "warning",
    subject: "amount.positive",
    wrong:
      "CREATE TABLE amount (id int PRIMARY KEY, n int); ALTER TABLE amount ADD CONSTRAINT positive CHECK (n > 0) NOT VALID",
    right: "ALTER TABLE amount VALIDATE CONSTRAINT positive",
    hint: 'VALIDATE CONSTRAINT "positive";',
  },
  {
    id: "trigger-disabled",
    severity: "warning",
    subject: "watched.watch",
    wrong:
      "CREATE TABLE watched (id int PRIMARY KEY); CREATE TRIGGER watch BEFORE UPDATE ON watched FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TABLE watched DISABLE TRIGGER watch",
    right: "ALTER TABLE watched ENABLE TRIGGER watch",
    hint: 'ENABLE TRIGGER "watch";',
  },
  {
    id: "sequence-behind",
    severity: "error",
    subject: "ticket_id_seq",
    wrong: "CREATE TABLE ticket (id bigserial PRIMARY KEY); INSERT INTO ticket VALUES (5)",
    right: "SELECT setval('ticket_id_seq', 5)",
    hint: "roomctl sequences reset",
  },
  {
    id: "sequence-exhausted",
    severity: "error",
    subject: "ticket_id_seq",
    wrong: "CREATE TABLE ticket (id smallserial PRIMARY KEY); SELECT setval('ticket_id_seq', 32767)",
    right: "ALTER TABLE ticket ALTER id TYPE bigint; ALTER SEQUENCE ticket_id_seq AS bigint NO MAXVALUE",
    hint: 'ALTER SEQUENCE "public"."ticket_id_seq" AS bigint NO MAXVALUE;',
  },
  {
    id: "sequence-nearly-used-up",
    severity: "warning",
    subject: "ticket_id_seq",
    wrong: "CREATE TABLE ticket (id serial PRIMARY KEY); SELECT setval('ticket_id_seq', 1900000000)",
    right: "ALTER TABLE ticket ALTER id TYPE bigint; ALTER SEQUENCE ticket_id_seq AS bigint NO MAXVALUE",
    hint: "make its column bigint",
  },
];

describe.each(serverNames)("on %s", (server) => {
  test.each(planted)("$id is found where it is, and gone once it is put right", async (plant) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(plant.wrong);
    const found = await findingsOf(database);
    expect(found).toMatchObject([{ id: plant.id, severity: plant.severity, subject: plant.subject }]);
    expect(found[0]?.hint).toContain(plant.hint);
    await database.execute(plant.right);
    expect(await findingsOf(database)).toEqual([]);
  });

  test("an index that a failed build left behind is an error with the command that repairs it", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE TABLE person (id int PRIMARY KEY, email text); INSERT INTO person VALUES (1, 'a'), (2, 'a')",
    );
    await expect(database.execute("CREATE UNIQUE INDEX CONCURRENTLY person_email ON person (email)")).rejects.toThrow();
    expect(await findingsOf(database)).toMatchObject([
      {
        id: "index-invalid",
        severity: "error",
        subject: "person_email",
        hint: 'REINDEX INDEX CONCURRENTLY "public"."person_email";',
      },
    ]);
    await database.execute("UPDATE person SET email = id::text");
    await database.execute('REINDEX INDEX CONCURRENTLY "public"."person_email"');
    expect(await findingsOf(database)).toEqual([]);
  });

  test("rows without a parent are counted and named, and the command given removes them", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE parent (a int, b text, PRIMARY KEY (a, b));
      CREATE TABLE child (id int PRIMARY KEY, a int, b text);
      CREATE INDEX ON child (a, b);
      INSERT INTO parent VALUES (1, 'x');
      INSERT INTO child SELECT n, n, 'x' FROM generate_series(1, 7) n;
      INSERT INTO child VALUES (8, 9, NULL);
      ALTER TABLE child ADD FOREIGN KEY (a, b) REFERENCES parent ON DELETE CASCADE NOT VALID`);
    const orphans = (await findingsOf(database)).find(({ id }) => id === "orphans");
    expect(orphans).toMatchObject({ severity: "error", count: 6, cases: ["2, x", "3, x", "4, x", "5, x", "6, x"] });
    await database.execute(orphans?.hint ?? "");
    expect(await database.query("SELECT id FROM child ORDER BY id")).toEqual([{ id: 1 }, { id: 8 }]);
    await database.execute("ALTER TABLE child VALIDATE CONSTRAINT child_a_b_fkey");
    expect(await findingsOf(database)).toEqual([]);
  });

  test("a table locked by somebody else is a finding, and the audit neither waits long nor fails", async () => {
    await using scratch = await createScratchDatabase({ server });
    // Without a limit of its own the audit would wait for ever.
    await using database = await scratch.open({ lockTimeoutMs: 0 });
    await database.execute(
      "CREATE TABLE a (id bigserial PRIMARY KEY); CREATE TABLE b (id bigserial PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, at timestamptz DEFAULT now()); INSERT INTO c VALUES (1), (2)",
    );
    const app = madeUpApp({ states: ["a", "b", "c"].map((table) => state(table, { table })) });
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE");
    const startedMs = performance.now();
    const { states, findings } = await auditDatabase(database, app, { lockTimeoutMs: 200 });
    expect(performance.now() - startedMs).toBeLessThan(60_000);
    await holder.execute("ROLLBACK");
    expect(states).toMatchObject([
      { outcome: "not read: locked", rows: null, survivesRestart: "yes" },
      { outcome: "not read: locked", rows: null },
      { outcome: "ok", rows: 2 },
    ]);
    expect(findings.map(({ id, subject }) => `${id} ${subject}`)).toEqual([
      "sequence-not-read a_id_seq",
      "sequence-not-read b_id_seq",
      "table-not-read a",
      "table-not-read b",
    ]);
    await expect(database.query(findings[2]?.hint ?? "")).resolves.toBeDefined();
  });

  test("a role that may read little gets findings, not a crash", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using owner = await scratch.open();
    const user = `reader_${scratch.target.database}`;
    await owner.execute(`
      CREATE ROLE ${user} LOGIN PASSWORD 'secret';
      CREATE TABLE hidden (id bigserial PRIMARY KEY);
      CREATE TABLE guarded (id int PRIMARY KEY);
      ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
      INSERT INTO guarded VALUES (1);
      CREATE SCHEMA shut CREATE TABLE inner_table (id bigserial PRIMARY KEY);
      GRANT SELECT ON guarded TO ${user}`);
    try {
      await using database = await openAs(scratch, user);
      const app = madeUpApp({
        states: [
          state("hidden", { table: "hidden" }),
          state("guarded", { table: "guarded" }),
          state("shut", { table: "shut.inner_table" }),
        ],
      });
      const { states, findings } = await auditDatabase(database, app);
      expect(states.map(({ outcome, rows }) => ({ outcome, rows }))).toEqual([
        { outcome: "not read: no privilege", rows: null },
        { outcome: "ok", rows: 0 },
        { outcome: "not read: no privilege", rows: null },
      ]);
      expect(findings.map(({ id, subject, severity }) => `${severity} ${id} ${subject}`)).toEqual([
        "warning sequence-unreadable hidden_id_seq",
        "warning sequence-unreadable shut.inner_table_id_seq",
        "warning table-not-read hidden",
        "warning table-not-read shut.inner_table",
        "info rows-hidden guarded",
      ]);
      for (const { hint } of findings.filter(({ severity }) => severity === "warning")) await owner.execute(hint);
      const after = await auditDatabase(database, app);
      expect(after.states.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok"]);
      expect(after.findings.map(({ id }) => id)).toEqual(["rows-hidden"]);
    } finally {
      await owner.execute(`DROP OWNED BY ${user}; DROP ROLE ${user}`);
    }
  });
});

async function openAs(scratch: Awaited<ReturnType<typeof createScratchDatabase>>, user: string): Promise<Database> {
  const { openDatabase } = await import("../../src/db/pool.js");
  return openDatabase({ ...scratch.target, user, password: "secret" });
}

test("an index that is being built right now is no error", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE busy (id int PRIMARY KEY, n int)");
  await using writer = await database.connect();
  await writer.execute("BEGIN; INSERT INTO busy VALUES (1, 1)");
  await using patient = await scratch.open({ lockTimeoutMs: 0 });
  const building = patient.execute("CREATE INDEX CONCURRENTLY busy_n ON busy (n)");
  await expect
    .poll(() => findingsOf(database), { timeout: 120_000 })
    .toMatchObject([{ id: "index-being-built", severity: "info" }]);
  await writer.execute("COMMIT");
  await building;
  expect(await findingsOf(database)).toEqual([]);
});

test("indexes that only look alike are left alone", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE alike (id int PRIMARY KEY, a text, b text, c int[]);
    CREATE INDEX ON alike (a);
    CREATE INDEX ON alike (a DESC, b);
    CREATE INDEX ON alike (a text_pattern_ops);
    CREATE INDEX ON alike (a COLLATE "C");
    CREATE INDEX ON alike (a) WHERE b IS NULL;
    CREATE INDEX ON alike (lower(a));
    CREATE INDEX ON alike (upper(a), b);
    CREATE INDEX ON alike USING hash (a);
    CREATE UNIQUE INDEX ON alike (b);
    CREATE INDEX ON alike (b, a);
    CREATE INDEX ON alike (b) INCLUDE (c);
    CREATE INDEX ON alike USING gin (c)`);
  expect(await findingsOf(database)).toEqual([]);
});

test("a foreign key whose triggers are switched off is an error", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child (id int PRIMARY KEY REFERENCES parent ON DELETE CASCADE);
    ALTER TABLE child DISABLE TRIGGER ALL`);
  expect(await findingsOf(database)).toMatchObject([
    { id: "foreign-key-disabled", severity: "error", subject: "child.child_id_fkey" },
  ]);
  await database.execute("ALTER TABLE child ENABLE TRIGGER ALL");
  expect(await findingsOf(database)).toEqual([]);
});

test("each state says whether it survives a restart, and why", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE kept (id int PRIMARY KEY, name text, updated_at timestamptz);
    CREATE TABLE lost_in_crash (id int PRIMARY KEY);
    ALTER TABLE lost_in_crash SET UNLOGGED;
    INSERT INTO kept VALUES (1, 'a', '2020-01-01Z'), (2, 'b', '2024-05-06 07:08:09Z'), (3, 'c', 'infinity')`);
  const memory = { persistence: "ephemeral", table: undefined } as const;
  const app = madeUpApp({
    states: [
      state("kept", { table: "kept" }),
      state("behind", { table: "kept", persistence: "write-behind" }),
      state("narrow", { table: "lost_in_crash" }),
      state("absent", { table: "absent" }),
      state("total", { table: "kept", column: "total" }),
      state("named", { table: "kept", column: "name" }),
      state("presence", { ...memory, ephemeralBecause: "changes all the time" }),
      state("forgotten", { ...memory, priority: "medium" }),
      state("homeless", { priority: "low" }),
    ],
    shapes: { kept: { id: "integer", name: "text" } },
  });
  const { ok, states, findings } = await auditDatabase(database, app);
  expect(ok).toBe(false);
  expect(states.map(({ name, survivesRestart, outcome }) => `${name}: ${survivesRestart}, ${outcome}`)).toEqual([
    "kept: yes, ok",
    "behind: yes, ok",
    "narrow: no, unlogged",
    "absent: no, table missing",
    "total: no, column missing",
    "named: yes, ok",
    "presence: no, ok",
    "forgotten: no, memory only",
    "homeless: no, memory only",
  ]);
  expect(states[0]).toMatchObject({
    rows: 3,
    newestWrite: new Date("2024-05-06T07:08:09Z"),
    newestWriteColumn: "updated_at",
    shape: "as expected",
  });
  expect(states[1]?.because).toContain("loss window");
  expect(findings.map(({ id, severity, subject }) => `${severity} ${id} ${subject}`)).toEqual([
    "error column-missing kept.total",
    "error table-missing absent",
    "error table-unlogged lost_in_crash",
    "warning memory-only-state forgotten",
    "info memory-only-state homeless",
  ]);
  expect(findings.find(({ id }) => id === "table-missing")).toMatchObject({ hint: "roomctl migrate" });
});

test("a table of another shape is told from one with more columns than expected", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE fits (id int PRIMARY KEY, extra text);
    CREATE TABLE lacks (id int PRIMARY KEY);
    CREATE TABLE differs (id int PRIMARY KEY, name varchar(5), owner text)`);
  const tables = ["fits", "lacks", "differs"];
  const app = madeUpApp({
    states: tables.map((table) => state(table, { table })),
    shapes: {
      fits: { id: "integer" },
      lacks: { id: "integer", 'odd "name"': "bigint" },
      differs: { id: "integer", name: "text", owner: "uuid" },
      only_a_shape: { id: "integer" },
    },
  });
  const { states, findings } = await auditDatabase(database, app);
  expect(states.map(({ shape, survivesRestart }) => `${shape}, ${survivesRestart}`)).toEqual([
    "as expected, yes",
    "differs, partly",
    "differs, yes",
  ]);
  expect(findings.map(({ id, severity, subject }) => `${severity} ${id} ${subject}`)).toEqual([
    'error column-missing lacks.odd "name"',
    "error column-type differs.owner",
    "error table-missing only_a_shape",
    "warning column-type differs.name",
  ]);
  expect(findings[0]?.hint).toContain('ALTER TABLE "public"."lacks" ADD COLUMN "odd ""name""" bigint;');
});

test("names with quotes, dots, spaces and line ends are read and spelled in the commands", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const schema = '"od""d sch.ema"';
  const table = `${schema}."ta""ble.\n${"x".repeat(50)}"`;
  await database.execute(`
    CREATE SCHEMA ${schema};
    CREATE TABLE ${table} ("k""ey" bigserial PRIMARY KEY, "st atus" int, "pa""rent" bigint REFERENCES ${table} ON DELETE CASCADE);
    INSERT INTO ${table} VALUES (4)`);
  const { states, findings } = await auditDatabase(database, madeUpApp({ states: [state("odd", { table })] }));
  expect(states).toMatchObject([{ rows: 1, outcome: "ok", table }]);
  expect(findings.map(({ id }) => id)).toEqual(["sequence-behind", "foreign-key-without-index"]);
  await database.execute(findings[1]?.hint ?? "");
  expect((await findingsOf(database)).map(({ id }) => id)).toEqual(["sequence-behind"]);
});

test("a partitioned table counts as one, and its partitions repeat no finding", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, status text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
    CREATE TABLE log_2024 PARTITION OF log FOR VALUES FROM ('2024-01-01Z') TO ('2025-01-01Z');
    CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
    CREATE INDEX log_id ON log (id);
    INSERT INTO log (at) VALUES ('2024-03-01Z'), ('2025-03-01Z')`);
  const app = madeUpApp({ states: [state("log", { table: "log" })] });
  const { states, findings } = await auditDatabase(database, app);
  expect(states).toMatchObject([{ rows: 2, newestWrite: new Date("2025-03-01Z"), survivesRestart: "yes" }]);
  expect(findings.map(({ id, subject }) => `${id} ${subject}`)).toEqual([
    "check-gap log.status",
    "index-redundant log_id",
  ]);

  await database.execute("ANALYZE log");
  const estimated = await auditDatabase(database, app, { estimate: true });
  expect(estimated.states).toMatchObject([{ rows: 2, isEstimate: true, newestWrite: null }]);
  await database.execute("CREATE INDEX ON log (at); ALTER TABLE log_2025 SET UNLOGGED");
  const unlogged = await auditDatabase(database, app, { estimate: true });
  expect(unlogged.states).toMatchObject([{ newestWrite: new Date("2025-03-01Z"), survivesRestart: "no" }]);
});

test("a single state may be audited by its name, spelled with dashes too", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE one (body json); CREATE TABLE two (body json)");
  const app = madeUpApp({ states: [state("first state", { table: "one" }), state("second state", { table: "two" })] });
  const { states, findings } = await auditDatabase(database, app, { states: ["First-State"] });
  expect(states.map(({ name }) => name)).toEqual(["first state"]);
  expect(findings.map(({ subject }) => subject)).toEqual(["one.body", "one"]);
  await expect(auditDatabase(database, app, { states: ["third"] })).rejects.toMatchObject({
    code: "E_USAGE",
    hint: expect.stringContaining("second state"),
  });
});

test("all numbers belong to one moment, whatever is written meanwhile", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
  let counted = 0;
  const disturbed: Database = {
    ...database,
    async connect() {
      const connection = await database.connect();
      return {
        ...connection,
        async query<Row extends object>(sql: string, values?: readonly unknown[]) {
          const rows = await connection.query<Row>(sql, values);
          if (sql.startsWith("SELECT count(*)")) {
            counted += 1;
            await database.execute(`INSERT INTO a VALUES (${counted}); INSERT INTO b VALUES (${counted})`);
          }
          return rows;
        },
      };
    },
  };
  const app = madeUpApp({ states: [state("a", { table: "a" }), state("b", { table: "b" })] });
  const { states } = await auditDatabase(disturbed, app);
  expect(counted).toBe(2);
  expect(states.map(({ rows }) => rows)).toEqual([0, 0]);
});

test("the level decides what fails", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE loose (n int)");
  const verdicts = [];
  for (const failOn of ["error", "warning", "info", "none"] as const) {
    verdicts.push((await auditDatabase(database, madeUpApp(), { failOn })).ok);
  }
  expect(verdicts).toEqual([true, false, false, true]);
});

describe("checks of the app", () => {
  async function withCheck<T>(statement: string, work: (check: AuditCheck) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), "roomctl-audit-"));
    try {
      const path = join(folder, "check.sql");
      writeFileSync(path, statement);
      const check = {
        id: "my-check",
        severity: "warning",
        title: "cases: {count}",
        hint: "do this",
        needs: ["thing"],
      } as const;
      return await work({ ...check, statement: path });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test("are counted in full and show their first cases", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    await database.execute("CREATE TABLE thing (n int PRIMARY KEY); INSERT INTO thing SELECT generate_series(1, 1200)");
    await withCheck("SELECT 'thing ' || n AS subject FROM thing ORDER BY n; -- last words\n", async (check) => {
      expect(await findingsOf(database, madeUpApp({ checks: [check] }))).toMatchObject([
        {
          id: "my-check",
          title: "cases: 1,200",
          count: 1200,
          cases: ["thing 1", "thing 2", "thing 3", "thing 4", "thing 5"],
        },
      ]);
    });
  });

  test("are left out where a table is missing, and become a finding where they fail", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    await withCheck("SELECT nonsense", async (check) => {
      const app = madeUpApp({ checks: [check] });
      expect(await findingsOf(database, app)).toEqual([]);
      await database.execute("CREATE TABLE thing (n int PRIMARY KEY)");
      expect(await findingsOf(database, app)).toMatchObject([
        { id: "check-not-read", severity: "error", subject: "my-check", why: expect.stringContaining("nonsense") },
      ]);
    });
  });

  test("can neither write nor find a lock that the audit still holds", async () => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE thing (n int PRIMARY KEY);
      CREATE FUNCTION scribble() RETURNS text LANGUAGE sql VOLATILE AS 'INSERT INTO thing VALUES (1) RETURNING n::text'`);
    await withCheck("SELECT scribble() AS subject", async (check) => {
      const found = await findingsOf(database, madeUpApp({ checks: [check] }));
      expect(found).toMatchObject([{ id: "check-not-read", why: expect.stringContaining("read-only") }]);
    });
    const app = madeUpApp({ states: [state("thing", { table: "thing" })] });
    await withCheck(
      "SELECT mode AS subject FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND (mode <> 'AccessShareLock' OR relation = 'thing'::regclass)",
      async (check) => expect(await findingsOf(database, { ...app, checks: [check] })).toEqual([]),
    );
  });
});
