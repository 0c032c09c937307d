import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.js";
import { readOperations } from "../../src/db/operations.js";
import { openDatabase } from "../../src/db/pool.js";
import { applySequenceReset, planSequenceReset } from "../../src/wipe/sequence-reset.js";
import { checkSequences } from "../../src/wipe/sequences.js";
import { untilBlocked } from "../support/blocked.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const options = { clock: systemClock };

describe.each(serverNames)("on %s", (server) => {
  test("a sequence behind its column is found, moved past it, and well again", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (41), (7)");
    expect(await checkSequences(database)).toMatchObject({
      sequences: [
        {
          sequence: "a_id_seq",
          columns: ["a.id"],
          state: "behind",
          lastValue: null,
          nextValue: "1",
          columnExtreme: "41",
        },
      ],
      findings: [{ severity: "error", hint: "roomctl sequences reset", message: expect.stringContaining("41") }],
    });
    const result = await applySequenceReset(database, await planSequenceReset(database), options);
    expect(result).toMatchObject({
      applied: true,
      sequences: [{ sequence: "a_id_seq", state: "done", from: "1", to: "42" }],
    });
    expect(await database.query("INSERT INTO a DEFAULT VALUES RETURNING id")).toEqual([{ id: 42 }]);
    expect((await checkSequences(database)).findings).toEqual([]);
    const [operation] = await readOperations(database, 5);
    expect(operation).toMatchObject({ id: result.operation, kind: "sequences reset" });
  });

  test("identity, plain defaults, shared sequences, hostile names and numbers beyond 2^53 are all reckoned with", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA "o.d""d";
      CREATE TABLE "o.d""d"."T 1" ("the id" bigint GENERATED ALWAYS AS IDENTITY);
      INSERT INTO "o.d""d"."T 1" OVERRIDING SYSTEM VALUE VALUES (9007199254740995);
      CREATE SEQUENCE "Both";
      CREATE TABLE b (id bigint DEFAULT nextval('"Both"')); INSERT INTO b VALUES (5);
      CREATE TABLE c (id bigint DEFAULT nextval('"Both"')); INSERT INTO c VALUES (12);
      CREATE TABLE ahead (id serial); INSERT INTO ahead DEFAULT VALUES; SELECT nextval('ahead_id_seq')`);
    const plan = await planSequenceReset(database);
    expect(plan.sequences.map(({ sequence, to }) => [sequence, to])).toEqual([
      ['"o.d""d"."T 1_the id_seq"', "9007199254740996"],
      ['"Both"', "13"],
    ]);
    await applySequenceReset(database, plan, options);
    expect(await database.query('INSERT INTO "o.d""d"."T 1" DEFAULT VALUES RETURNING "the id"')).toEqual([
      { "the id": "9007199254740996" },
    ]);
    expect((await planSequenceReset(database)).sequences).toEqual([]);
  });

  test("a sequence that counts down, and two that take turns, keep their steps", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SEQUENCE down INCREMENT -3 MINVALUE -1000 MAXVALUE -1 START -1;
      CREATE TABLE d (id int DEFAULT nextval('down')); INSERT INTO d VALUES (-20), (5);
      CREATE SEQUENCE odd INCREMENT 2 START 1; CREATE TABLE o (id int DEFAULT nextval('odd')); INSERT INTO o VALUES (10)`);
    await applySequenceReset(database, await planSequenceReset(database), options);
    const [next] = await database.query("SELECT nextval('down')::int AS down, nextval('odd')::int AS odd");
    expect(next).toEqual({ down: -22, odd: 11 });
  });

  test("numbers that another session draws while the reset waits are not handed out again", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using other = await scratch.open();
    await using drawer = await other.connect();
    await database.execute("CREATE TABLE a (id bigserial PRIMARY KEY); INSERT INTO a VALUES (5000)");
    const plan = await planSequenceReset(database);
    await drawer.execute("BEGIN; SELECT nextval('a_id_seq')");
    const moving = applySequenceReset(database, plan, { ...options, lockTimeoutMs: 120_000 });
    await untilBlocked(database);
    await drawer.query("SELECT max(nextval('a_id_seq')) FROM generate_series(1, 10000)");
    await drawer.execute("COMMIT");
    expect(await moving).toMatchObject({ applied: false, sequences: [{ state: "skipped" }] });
    expect(await database.query("SELECT nextval('a_id_seq')::int AS next")).toEqual([{ next: 10002 }]);
  });

  test("a role that does not own a sequence learns from the plan that it cannot move it", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const role = `clerk_${scratch.target.database}`;
    await database.execute(
      `CREATE TABLE a (id serial); INSERT INTO a VALUES (9); CREATE ROLE ${role} LOGIN PASSWORD 'clerk';
       GRANT ALL ON a, a_id_seq TO ${role}`,
    );
    try {
      await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
      const plan = await planSequenceReset(clerk);
      expect(plan.sequences).toMatchObject([{ action: "impossible", reason: expect.stringContaining("owner") }]);
      expect(await applySequenceReset(clerk, plan, options)).toMatchObject({ sequences: [{ state: "failed" }] });
    } finally {
      await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  test("a role that may not read a sequence is told so, not that all is well", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const role = `clerk_${scratch.target.database}`;
    await database.execute(
      `CREATE TABLE a (id serial); INSERT INTO a VALUES (9); CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; GRANT SELECT ON a TO ${role}`,
    );
    try {
      await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
      expect(await checkSequences(clerk)).toMatchObject({ findings: [{ state: "unreadable" }] });
      expect(await applySequenceReset(clerk, await planSequenceReset(clerk), options)).toMatchObject({
        applied: false,
        sequences: [{ state: "failed", to: null }],
      });
    } finally {
      await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});

test("one that is nearly used up is a finding, by the column that is narrower than its sequence", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE SEQUENCE wide; CREATE TABLE a (id smallint DEFAULT nextval('wide')); SELECT setval('wide', 30000);
    CREATE SEQUENCE short MAXVALUE 3; CREATE TABLE b (id int DEFAULT nextval('short')); SELECT setval('short', 3);
    CREATE SEQUENCE early; CREATE TABLE c (id int DEFAULT nextval('early')); SELECT setval('early', 30000)`);
  const { sequences, findings } = await checkSequences(database);
  expect(Object.fromEntries(sequences.map(({ sequence, state }) => [sequence, state]))).toEqual({
    wide: "near overflow",
    short: "near overflow",
    early: "ok",
  });
  expect(findings.map(({ sequence, severity }) => [sequence, severity])).toEqual([
    ["short", "error"],
    ["wide", "warning"],
  ]);
});

test("one whose column lies beyond its end cannot be moved, is said to have failed, and the others are moved", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE SEQUENCE short MAXVALUE 10; CREATE TABLE a (id int DEFAULT nextval('short')); INSERT INTO a VALUES (10);
    CREATE TABLE b (id serial); INSERT INTO b VALUES (4)`);
  const result = await applySequenceReset(database, await planSequenceReset(database), options);
  expect(result.sequences.map(({ sequence, state, to }) => [sequence, state, to])).toEqual([
    ["b_id_seq", "done", "5"],
    ["short", "failed", null],
  ]);
});

test("a sequence that is ahead is moved back only on request, never below its ids", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`
    CREATE TABLE a (id serial); INSERT INTO a VALUES (3); SELECT setval('a_id_seq', 100);
    CREATE TABLE empty (id serial); SELECT setval('empty_id_seq', 50)`);
  expect((await planSequenceReset(database)).sequences).toEqual([]);
  const plan = await planSequenceReset(database, { rewind: true });
  expect(plan.sequences.map(({ sequence, action, from, to }) => [sequence, action, from, to])).toEqual([
    ["a_id_seq", "rewind", "101", "4"],
    ["empty_id_seq", "rewind", "51", "1"],
  ]);
  await applySequenceReset(database, plan, options);
  const [next] = await database.query("SELECT nextval('a_id_seq')::int AS a, nextval('empty_id_seq')::int AS empty");
  expect(next).toEqual({ a: 4, empty: 1 });
});

test("only the sequences of the named table are moved; an unknown table is an error", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(
    "CREATE TABLE a (id serial); CREATE TABLE b (id serial); INSERT INTO a VALUES (3); INSERT INTO b VALUES (3)",
  );
  const plan = await planSequenceReset(database, { tables: ["b"] });
  expect(plan.sequences.map(({ sequence }) => sequence)).toEqual(["b_id_seq"]);
  await expect(planSequenceReset(database, { tables: ["nope"] })).rejects.toMatchObject({ code: "E_UNKNOWN_TABLE" });
});

test("the sequences of a named table are moved while somebody has locked another one", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 200 });
  await using other = await scratch.open();
  await using holder = await other.connect();
  await database.execute("CREATE TABLE a (id serial); CREATE TABLE b (id serial); INSERT INTO b VALUES (3)");
  await holder.execute("BEGIN; LOCK TABLE a IN ACCESS EXCLUSIVE MODE");
  const plan = await planSequenceReset(database, { tables: ["b"] });
  expect(await applySequenceReset(database, plan, options)).toMatchObject({ sequences: [{ state: "done", to: "4" }] });
  await holder.execute("ROLLBACK");
});

test("a row that comes between plan and apply is reckoned with", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (41)");
  const plan = await planSequenceReset(database);
  await database.execute("INSERT INTO a VALUES (90)");
  const result = await applySequenceReset(database, plan, options);
  expect(result.sequences).toMatchObject([{ state: "done", to: "91" }]);
});

test("an insert under way is waited for, and its id is not given again", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open();
  await using writer = await other.connect();
  await database.execute("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (41)");
  const plan = await planSequenceReset(database);
  await writer.execute("BEGIN; INSERT INTO a VALUES (60)");
  const moving = applySequenceReset(database, plan, { ...options, lockTimeoutMs: 120_000 });
  await untilBlocked(database);
  await writer.execute("COMMIT");
  expect((await moving).sequences).toMatchObject([{ to: "61" }]);
});

test("a table that stays locked is named with its holder, and no sequence is moved", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open({ applicationName: "long import" });
  await using writer = await other.connect();
  await database.execute("CREATE TABLE a (id serial PRIMARY KEY); INSERT INTO a VALUES (41)");
  const plan = await planSequenceReset(database);
  await writer.execute("BEGIN; INSERT INTO a VALUES (60)");
  await expect(applySequenceReset(database, plan, { ...options, lockTimeoutMs: 50 })).rejects.toMatchObject({
    code: "E_LOCK_TIMEOUT",
    message: expect.stringContaining("long import"),
  });
  await writer.execute("ROLLBACK");
  expect(await database.query("SELECT last_value::int AS last FROM a_id_seq")).toEqual([{ last: 1 }]);
});
