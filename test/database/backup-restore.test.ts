import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSoundBackup, verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import { readOperations } from "../../src/db/operations.js";
import { type Database, openDatabase, type Queryable } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { applyRestore } from "../../src/restore/apply.js";
import { planRestore } from "../../src/restore/plan.js";
import {
  backUp,
  createBackupFolder,
  digestTables,
  hostileRows,
  hostileSchema,
  longName,
  oddSchema,
  restoreLatest,
} from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const parentAndChild = `
  CREATE TABLE users (id int PRIMARY KEY, name text);
  CREATE TABLE sessions (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES users);
`;
const parentAndChildRows = `
  INSERT INTO users VALUES (1, 'a'), (2, 'b');
  INSERT INTO sessions (user_id) VALUES (1), (2), (2);
`;

const journeys = serverNames.flatMap((from) => serverNames.map((to) => [from, to] as const));

test.each(journeys)("hostile rows from %s come back on %s exactly as they were", async (first, second) => {
  using folder = createBackupFolder();
  const name = `we"ird\nna.me's ${Date.now()}`;
  await using source = await createScratchDatabase({ server: first, name });
  await using from = await source.open();
  await from.execute(hostileSchema + hostileRows);
  const receipt = await backUp(from, folder.directory);
  expect(receipt.tables.length).toBe(16);
  expect(await verifyBackup(folder.directory, "latest")).toMatchObject({ ok: true, findings: [] });
  await using target = await createScratchDatabase({ server: second });
  await using to = await target.open();
  await to.execute(hostileSchema);
  const before = await readGuards(to);
  const restored = await restoreLatest(to, folder.directory);
  expect(restored.rows).toBe(receipt.rows);
  expect(await digestTables(to)).toEqual(await digestTables(from));
  expect(await readGuards(to)).toEqual(before);
  const { manifest } = await openSoundBackup(folder.directory, "latest");
  expect(manifest.source.database).toBe(name);
  expect((await readOperations(to, 5)).map(({ kind, plan }) => ({ kind, plan }))).toMatchObject([
    { kind: "restore", plan: { backup: receipt.id } },
  ]);
});

test.each(serverNames)("sequences on %s go on where they were, and never hand out a restored id", async (server) => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase({ server });
  await using from = await source.open();
  await from.execute(hostileSchema + hostileRows);
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase({ server });
  await using to = await target.open();
  await to.execute(hostileSchema);
  await to.query("SELECT setval('untouched', 77)");
  await restoreLatest(to, folder.directory);
  const next = (sql: string) => to.query<{ id: number }>(sql).then(([row]) => Number(row?.id));
  // Rows 51 to 100 were deleted: their ids stay spent. 9000 was written by hand: the sequence was behind it.
  expect(await next("INSERT INTO serials (body) VALUES ('new') RETURNING id")).toBe(101);
  expect(await next("INSERT INTO generated_ids (n) VALUES (1) RETURNING id")).toBe(9005);
  expect(await next("SELECT nextval('downward') AS id")).toBe(44);
  await expect(to.query("SELECT nextval('spent')")).rejects.toThrow("reached maximum value");
  // It was further on here than in the backup.
  expect(await next("SELECT nextval('untouched') AS id")).toBe(78);
});

test.each(serverNames)(
  "a number drawn on %s while a restore waits for its sequence is not handed out again",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using other = await scratch.open();
    await using drawer = await other.connect();
    await database.execute(
      "CREATE TABLE a (id bigserial); INSERT INTO a VALUES (5000); SELECT setval('a_id_seq', 5000)",
    );
    await backUp(database, folder.directory);
    await database.execute("TRUNCATE a RESTART IDENTITY");
    await drawer.execute("BEGIN; SELECT nextval('a_id_seq')");
    const restoring = restoreLatest(database, folder.directory);
    await untilBlocked(other);
    await drawer.query("SELECT max(nextval('a_id_seq')) FROM generate_series(1, 10000)");
    await drawer.execute("COMMIT");
    expect(await restoring).toMatchObject({ rows: 1 });
    expect(await database.query("SELECT nextval('a_id_seq')::int AS next")).toEqual([{ next: 10002 }]);
  },
);

test("a role restores what it owns, with a sequence of somebody else that need not be moved", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const role = `clerk_${scratch.target.database}`;
  await database.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'clerk'; CREATE SEQUENCE shared; CREATE SCHEMA roomctl AUTHORIZATION ${role};
    CREATE TABLE a (id int DEFAULT nextval('shared')); INSERT INTO a DEFAULT VALUES; GRANT CREATE ON DATABASE "${scratch.target.database}" TO ${role};
    ALTER TABLE a OWNER TO ${role}; GRANT ALL ON SEQUENCE shared TO ${role}; ALTER SEQUENCE shared OWNED BY NONE`);
  await backUp(database, folder.directory);
  await database.execute("TRUNCATE a");
  try {
    await using clerk = await openDatabase({ ...scratch.target, user: role, password: "clerk" });
    expect(await restoreLatest(clerk, folder.directory)).toMatchObject({ rows: 1 });
  } finally {
    await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

const lookup = `
  CREATE TABLE kinds (id serial PRIMARY KEY, name text);
  CREATE TABLE parts (kind int REFERENCES kinds, n int) PARTITION BY RANGE (n);
  CREATE TABLE part PARTITION OF parts DEFAULT;
  CREATE TABLE other (kind int REFERENCES kinds);
  INSERT INTO kinds (name) VALUES ('one'), ('two');
`;

test("rows that the caller's own migrations inserted are replaced, and only while they are still those", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(
    `${lookup} UPDATE kinds SET name = 'ONE' WHERE id = 1; INSERT INTO parts VALUES (2, 1); INSERT INTO other VALUES (1)`,
  );
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await to.execute(lookup);
  const backup = await openSoundBackup(folder.directory, "latest");
  await expect(planRestore(to, backup)).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    hint: expect.stringMatching(/roomctl wipe$/),
  });
  const plan = await planRestore(to, backup, { replacesRows: true });
  expect(plan.replaced).toMatchObject([{ name: "kinds", rows: 2 }]);
  await to.execute("INSERT INTO kinds (name) VALUES ('late')");
  const late = applyRestore(to, plan, { backup, clock: systemClock });
  await expect(late).rejects.toMatchObject({ code: "E_PLAN_STALE" });
  expect(await to.query("SELECT count(*)::int AS rows FROM kinds")).toEqual([{ rows: 3 }]);
  await to.execute("DELETE FROM kinds WHERE name = 'late'");
  await applyRestore(to, plan, { backup, clock: systemClock });
  expect(await digestTables(to)).toEqual(await digestTables(from));
});

test("rows that other tables may refer to are not replaced under them", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(lookup);
  await backUp(database, folder.directory);
  await database.execute("INSERT INTO other VALUES (1)");
  const before = await digestTables(database);
  const backup = await openSoundBackup(folder.directory, "latest");
  const tables = [{ schema: "public", name: "kinds" }];
  await expect(planRestore(database, backup, { tables, replacesRows: true })).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    message: expect.stringMatching(/refer to kinds \(2 rows\), .*: other, part, parts$/),
  });
  await database.execute("ALTER TABLE other DROP CONSTRAINT other_kind_fkey; DROP TABLE parts");
  const plan = await planRestore(database, backup, { tables, replacesRows: true });
  await database.execute("ALTER TABLE other ADD FOREIGN KEY (kind) REFERENCES kinds");
  const attempt = applyRestore(database, plan, { backup, clock: systemClock });
  await expect(attempt).rejects.toMatchObject({ code: "E_NOT_EMPTY", message: expect.stringContaining(": other") });
  expect(before).toMatchObject(await digestTables(database));
});

test("tables that hold rows are refused, with their counts, and stay as they are", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(parentAndChild + parentAndChildRows);
  await backUp(database, folder.directory);
  await database.execute("TRUNCATE sessions");
  const before = await digestTables(database);
  await expect(restoreLatest(database, folder.directory)).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
    message: expect.stringContaining("users (2 rows)"),
    hint: expect.stringContaining("roomctl wipe"),
  });
  expect(await digestTables(database)).toEqual(before);
  const restored = await restoreLatest(database, folder.directory, [{ schema: "public", name: "sessions" }]);
  expect(restored.tables).toMatchObject([{ name: "sessions", rows: 3 }]);
  expect((await database.query("SELECT id FROM sessions ORDER BY id")).length).toBe(3);
});

test("a row that appears between plan and restore stops it", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(parentAndChild + parentAndChildRows);
  await backUp(database, folder.directory);
  await database.execute("TRUNCATE users, sessions");
  const backup = await openSoundBackup(folder.directory, "latest");
  const plan = await planRestore(database, backup);
  await database.execute("INSERT INTO users VALUES (9, 'late')");
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toMatchObject({
    code: "E_NOT_EMPTY",
  });
  await database.execute(
    "TRUNCATE users, sessions; CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
  );
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toMatchObject({
    code: "E_PLAN_STALE",
  });
  await database.execute("DROP TABLE sessions");
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toMatchObject({
    code: "E_PLAN_STALE",
  });
  expect(await database.query("SELECT * FROM users")).toEqual([]);
});

test("a child without its parents says which constraint failed and what to restore with it", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(parentAndChild + parentAndChildRows);
  const { id } = await backUp(database, folder.directory);
  await database.execute("TRUNCATE users, sessions");
  await expect(
    restoreLatest(database, folder.directory, [{ schema: "public", name: "sessions" }]),
  ).rejects.toMatchObject({
    code: "E_SQL",
    message: expect.stringContaining("sessions_user_id_fkey"),
    hint: `restore these tables too: roomctl backup restore ${id} --table sessions --table users`,
  });
  expect(await database.query("SELECT * FROM sessions")).toEqual([]);
});

test("every difference between a table and its backup is named", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (kept int, gone int, typed int, made int); CREATE TABLE missing (id serial)");
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await to.execute(`CREATE TABLE a (kept int, typed bigint, made int GENERATED ALWAYS AS (kept + 1) STORED, needed int NOT NULL,
    "nullable" int, "defaulted" int NOT NULL DEFAULT 1)`);
  const error: unknown = await restoreLatest(to, folder.directory).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "E_SCHEMA" });
  expect(String(error).split(/: |; /).slice(2)).toEqual([
    'column a."gone" is missing',
    'column a."typed" is bigint here, integer in the backup',
    'column a."made" is generated here',
    'column a."needed" needs a value that the backup does not have',
    "table missing is missing",
    "sequence missing_id_seq is missing",
  ]);
});

test("additional columns and another column order are no obstacle", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(
    "CREATE TABLE a (one int, two text); INSERT INTO a VALUES (1, 'x'); CREATE TABLE bare (); INSERT INTO bare SELECT FROM generate_series(1, 2)",
  );
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await to.execute("CREATE TABLE a (extra int DEFAULT 7, two text, one int); CREATE TABLE bare (extra int DEFAULT 7)");
  await restoreLatest(to, folder.directory);
  expect(await to.query("SELECT one, two, extra FROM a")).toEqual([{ one: 1, two: "x", extra: 7 }]);
  expect(await to.query("SELECT extra FROM bare")).toEqual([{ extra: 7 }, { extra: 7 }]);
});

test("a database of another encoding is refused", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a (body text)");
  await backUp(database, folder.directory);
  const name = `latin_${Date.now()}`;
  await database.execute(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'`);
  try {
    await using latin = await openDatabase({ ...scratch.target, database: name });
    await latin.execute("CREATE TABLE a (body text)");
    await expect(restoreLatest(latin, folder.directory)).rejects.toMatchObject({
      code: "E_SCHEMA",
      message: expect.stringContaining("its encoding is LATIN1, the backup's UTF8"),
    });
  } finally {
    await database.execute(`DROP DATABASE ${name} WITH (FORCE)`);
  }
});

test("rows that break an unvalidated constraint come back, and it stays unvalidated", async () => {
  using folder = createBackupFolder();
  const schema = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int, p int);";
  const constraints = `ALTER TABLE c ADD CONSTRAINT small CHECK (id < 10) NOT VALID, ADD CONSTRAINT known FOREIGN KEY (p) REFERENCES p NOT VALID;`;
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(`${schema} INSERT INTO c VALUES (1000, 5); ${constraints}`);
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  await to.execute(schema + constraints);
  const before = await readGuards(to);
  await restoreLatest(to, folder.directory);
  expect(await readGuards(to)).toEqual(before);
  expect(await to.query("SELECT id FROM c")).toEqual([{ id: 1000 }]);
});

test("a function without its own search path still works in a check while rows are loaded", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE FUNCTION low() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
    CREATE FUNCTION fine(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n > low(); END';
    CREATE TABLE checked (n int CHECK (fine(n)), plus int GENERATED ALWAYS AS (n + 1) STORED); INSERT INTO checked VALUES (1)`);
  await backUp(database, folder.directory);
  await database.execute("TRUNCATE checked");
  await restoreLatest(database, folder.directory);
  expect(await database.query("SELECT n, plus FROM checked")).toEqual([{ n: 1, plus: 2 }]);
});

test("a partitioned table's name restores its partitions, an odd name its table", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(hostileSchema + hostileRows);
  await backUp(database, folder.directory);
  const before = await digestTables(database);
  await database.execute(`TRUNCATE measures, "${oddSchema.replaceAll('"', '""')}"."${longName}"`);
  const names = [
    { schema: "public", name: "measures" },
    { schema: oddSchema, name: longName },
  ];
  const restored = await restoreLatest(database, folder.directory, names);
  expect(restored.tables.map(({ name }) => name).sort()).toEqual(["measures_2025", "measures_later", longName]);
  expect(await digestTables(database)).toEqual(before);
  const unknown = restoreLatest(database, folder.directory, [{ schema: "public", name: "nowhere" }]);
  await expect(unknown).rejects.toMatchObject({ code: "E_UNKNOWN_TABLE" });
});

test("rows that the target refuses in the middle of a large load leave everything as it was", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(
    "CREATE TABLE a (id serial, body text); INSERT INTO a (body) SELECT repeat(md5(n::text), 10) FROM generate_series(1, 100000) AS n",
  );
  await backUp(from, folder.directory);
  for (const bad of [1, 50000, 100000]) {
    await using target = await createScratchDatabase();
    await using to = await target.open();
    await to.execute(`CREATE TABLE a (id serial CHECK (id <> ${bad}), body text)`);
    await expect(restoreLatest(to, folder.directory)).rejects.toMatchObject({ code: "23514" });
    expect(await digestTables(to)).toEqual({ "public.a": "0 " });
    expect(await to.query("SELECT nextval('a_id_seq') AS id")).toEqual([{ id: "1" }]);
  }
});

test("a restore whose session is ended leaves tables, sequences, constraints and triggers as they were", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  const schema = `${hostileSchema}; CREATE TABLE zz (id serial, body text)`;
  await from.execute(
    `${schema}; ${hostileRows}; INSERT INTO zz (body) SELECT repeat(md5(n::text), 10) FROM generate_series(1, 100000) AS n`,
  );
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using other = await target.open();
  await other.execute(schema);
  const before = await everything(other);
  const backup = await openSoundBackup(folder.directory, "latest");
  for (const how of ["terminate", "abort"] as const) {
    const controller = new AbortController();
    const { signal } = controller;
    await using to = await target.open({ applicationName: `roomctl/${how}`, signal });
    const plan = await planRestore(to, backup);
    const onProgress = ({ message }: { readonly message: string }) => {
      if (!message.endsWith(" zz")) return;
      if (how === "abort") setTimeout(() => controller.abort(), 20);
      else
        void other.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'roomctl/${how}' AND state <> 'idle'`,
        );
    };
    const attempt = applyRestore(to, plan, { backup, clock: systemClock, onProgress, signal });
    expect(await outcomeOf(attempt)).toBe(how === "abort" ? "aborted" : "E_CONNECTION_LOST");
    expect(await everything(other)).toEqual(before);
  }
  await using to = await target.open();
  expect((await restoreLatest(to, folder.directory)).rows).toBeGreaterThan(100000);
});

test("a file that changes after it was verified does not get in", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(parentAndChild + parentAndChildRows);
  const { directory } = await backUp(database, folder.directory);
  await database.execute("TRUNCATE users, sessions");
  const backup = await openSoundBackup(folder.directory, "latest");
  const plan = await planRestore(database, backup);
  const [first, second] = backup.manifest.tables.map(({ chunks }) => join(directory, chunks[0]?.file ?? ""));
  if (first === undefined || second === undefined) throw new Error("two tables have rows");
  const file = second;
  const bytes = readFileSync(file);
  appendFileSync(file, "\0");
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toMatchObject({
    code: "E_BACKUP_DAMAGED",
  });
  writeFileSync(file, readFileSync(first));
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toMatchObject({
    code: "E_BACKUP_DAMAGED",
  });
  rmSync(file);
  await expect(applyRestore(database, plan, { backup, clock: systemClock })).rejects.toThrow("ENOENT");
  expect(await database.query("SELECT FROM users UNION ALL SELECT FROM sessions")).toEqual([]);
  writeFileSync(file, bytes);
  await applyRestore(database, plan, { backup, clock: systemClock });
});

test("values that would not come back equal are rolled back", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute("CREATE TABLE a (body text); INSERT INTO a VALUES ('x')");
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  // Triggers on the table do not fire for restored rows; one on events does.
  await to.execute(`CREATE TABLE a (body text); CREATE FUNCTION shout() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE public.a SET body = upper(body); END'; CREATE EVENT TRIGGER loud ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA', 'ALTER TABLE') EXECUTE FUNCTION shout()`);
  await to.execute(
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
  );
  await expect(restoreLatest(to, folder.directory)).rejects.toMatchObject({
    code: "E_BACKUP_DAMAGED",
    message: expect.stringContaining("would not come back as it was"),
  });
  expect(await to.query("SELECT * FROM a")).toEqual([]);
});

test("a restore waits for a reader for a bounded time, then gives up unharmed", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(parentAndChild);
  await backUp(database, folder.directory);
  const backup = await openSoundBackup(folder.directory, "latest");
  const plan = await planRestore(database, backup);
  await withTransaction(database, {}, async (connection) => {
    await connection.query("SELECT * FROM users");
    const attempt = applyRestore(database, plan, { backup, clock: systemClock, lockTimeoutMs: 20 });
    await expect(attempt).rejects.toMatchObject({ code: "55P03" });
  });
});

test("an empty database gets a plan that begins with the backup's migrations, and is not loaded before", async () => {
  using folder = createBackupFolder();
  await using source = await createScratchDatabase();
  await using from = await source.open();
  await from.execute(parentAndChild + parentAndChildRows);
  await backUp(from, folder.directory);
  await using target = await createScratchDatabase();
  await using to = await target.open();
  const backup = await openSoundBackup(folder.directory, "latest");
  const plan = await planRestore(to, backup);
  expect(plan).toMatchObject({ target: "empty", migrations: [], rows: 5 });
  await expect(applyRestore(to, plan, { backup, clock: systemClock })).rejects.toMatchObject({ code: "E_SCHEMA" });
});

/** What a restore may set aside, and must put back. */
async function readGuards(database: Queryable) {
  return {
    triggers: await database.query(
      "SELECT tgrelid::regclass::text AS relation, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal OR tgparentid <> 0 AND tgconstraint = 0 ORDER BY 1, 2",
    ),
    constraints: await database.query(
      `SELECT conrelid::regclass::text AS relation, conname, pg_get_constraintdef(oid) AS definition, convalidated,
              condeferred, obj_description(oid, 'pg_constraint') AS comment
         FROM pg_constraint WHERE connamespace::regnamespace::text NOT IN ('roomctl', 'pg_catalog', 'information_schema')
          AND contype <> 'n' ORDER BY 1, 2`,
    ),
  };
}

async function everything(database: Database) {
  const sequences = await database.query(
    "SELECT schemaname, sequencename, last_value FROM pg_sequences WHERE schemaname <> 'roomctl' ORDER BY 1, 2",
  );
  return { tables: await digestTables(database), sequences, ...(await readGuards(database)) };
}
