import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { newBackupId } from "../../src/backup/id.js";
import { listBackups } from "../../src/backup/list.js";
import { formatManifest, parseManifest } from "../../src/backup/manifest.js";
import { openRepository } from "../../src/backup/repository.js";
import { hashBlock } from "../../src/backup/rows.js";
import { openSoundBackup, verifyBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import { sha256 } from "../../src/core/digest.js";
import { withLock } from "../../src/db/lock.js";
import { openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { backUp, createBackupFolder, restoreLatest } from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { outcomeOf } from "../support/outcome.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";

const manyRows = `
  CREATE TABLE first (id int PRIMARY KEY, body text);
  INSERT INTO first SELECT n, md5(n::text) FROM generate_series(1, 50000) AS n;
  CREATE TABLE second (id int PRIMARY KEY);
  INSERT INTO second SELECT generate_series(1, 10);
`;

test.each(serverNames)(
  "a backup that waited for a TRUNCATE on %s sees the whole of its transaction",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE log (what text); CREATE TABLE wiped (id int); INSERT INTO wiped VALUES (1)");
    const { started, done } = await withTransaction(database, {}, async (connection) => {
      await connection.execute("TRUNCATE wiped; INSERT INTO log VALUES ('wiped')");
      const done = backUp(database, folder.directory);
      await untilBlocked(database);
      return { started: true, done };
    });
    expect(started).toBe(true);
    // A snapshot from before the locks would show neither the rows nor the entry that says where they went.
    expect(rowCounts(await done)).toEqual({ log: 1, wiped: 0 });
  },
);

test("nobody can truncate a table from the moment a backup begins to read until it ends", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using other = await scratch.open({ maxConnections: 1 });
  await database.execute(manyRows);
  // Connected beforehand, and refused at once: nobody has to wait longer than the backup takes.
  await other.execute("SELECT 1");
  const attempts: Promise<unknown>[] = [];
  const onProgress = ({ done }: { readonly done?: number }) => {
    const attempt = "LOCK TABLE second IN ACCESS EXCLUSIVE MODE NOWAIT; TRUNCATE second";
    if (done === 0) attempts.push(other.execute(attempt).then(() => "truncated", codeOf));
  };
  const receipt = await createBackup(database, { repository: folder.directory, clock: systemClock, onProgress });
  const outcomes = await Promise.all(attempts);
  expect(outcomes.length).toBeGreaterThan(0);
  expect(new Set(outcomes)).toEqual(new Set(["55P03"]));
  expect(rowCounts(receipt)).toEqual({ first: 50000, second: 10 });
});

test("tables made while the backup waits for its locks are in it", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE old (id int); CREATE TABLE renamed (id int)");
  const { done } = await withTransaction(database, {}, async (connection) => {
    await connection.execute("LOCK TABLE old; CREATE TABLE young (id int); INSERT INTO young VALUES (1)");
    await connection.execute("ALTER TABLE renamed RENAME TO changed; CREATE TABLE renamed (id int)");
    const done = backUp(database, folder.directory);
    await untilBlocked(database);
    return { done };
  });
  expect(rowCounts(await done)).toEqual({ changed: 0, old: 0, renamed: 0, young: 1 });
});

test("a lock that never comes ends the backup in time and leaves nothing", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE held (id int)");
  await withTransaction(database, {}, async (connection) => {
    await connection.execute("LOCK TABLE held");
    const attempt = createBackup(database, { repository: folder.directory, clock: systemClock, lockTimeoutMs: 20 });
    await expect(attempt).rejects.toMatchObject({ code: "55P03" });
  });
  expect(folder.entries()).toEqual([]);
});

test.each(serverNames)(
  "a role on %s that row security restricts gets an error, not a part of the rows",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using owner = await scratch.open();
    await using role = await createRole(scratch);
    await owner.execute(`CREATE TABLE open (id int); CREATE TABLE secret (id int); INSERT INTO secret VALUES (1), (2);
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role.name}`);
    await using restricted = await role.open();
    expect(rowCounts(await backUp(restricted, folder.directory))).toEqual({ open: 0, secret: 2 });
    await owner.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON secret USING (id = 1)");
    expect(await restricted.query("SELECT id FROM secret")).toEqual([{ id: 1 }]);
    const attempt = backUp(restricted, folder.directory);
    await expect(attempt).rejects.toMatchObject({ code: "E_PRIVILEGE", hint: expect.stringContaining("BYPASSRLS") });
    expect((await listBackups(folder.directory)).backups.length).toBe(1);
    expect(folder.entries().length).toBe(1);
  },
);

test.each(serverNames)("a sequence that the role cannot read on %s is an error", async (server) => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server });
  await using owner = await scratch.open();
  await using role = await createRole(scratch);
  await owner.execute(`CREATE TABLE rooms (id serial); GRANT SELECT ON rooms TO ${role.name}`);
  await using restricted = await role.open();
  const attempt = backUp(restricted, folder.directory);
  await expect(attempt).rejects.toMatchObject({
    code: "E_PRIVILEGE",
    message: expect.stringContaining("rooms_id_seq"),
  });
  await owner.execute(`GRANT USAGE ON SEQUENCE rooms_id_seq TO ${role.name}`);
  await expect(backUp(restricted, folder.directory)).rejects.toMatchObject({ code: "E_PRIVILEGE" });
  expect(folder.entries()).toEqual([]);
});

test("a backup says what it leaves out", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE kept (id int); CREATE MATERIALIZED VIEW seen AS SELECT * FROM kept;
    CREATE FOREIGN DATA WRAPPER far; CREATE SERVER away FOREIGN DATA WRAPPER far;
    CREATE FOREIGN TABLE remote (id int) SERVER away; SELECT lo_create(0)`);
  const receipt = await backUp(database, folder.directory);
  expect(rowCounts(receipt)).toEqual({ kept: 0 });
  expect(receipt.skipped.map(({ kind, name }) => `${kind} ${name}`)).toEqual(["foreign table remote"]);
});

test("chosen tables bring their partitions, children and sequences, and nothing else", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE parts (id serial, n int) PARTITION BY RANGE (n);
    CREATE TABLE low PARTITION OF parts FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n);
    CREATE TABLE low_a PARTITION OF low FOR VALUES FROM (0) TO (5); CREATE TABLE high PARTITION OF parts DEFAULT;
    CREATE TABLE animals (id int); CREATE TABLE dogs () INHERITS (animals); CREATE TABLE other (id serial)`);
  const receipt = await backUp(database, folder.directory, [
    { schema: "public", name: "parts" },
    { schema: "public", name: "animals" },
  ]);
  expect(Object.keys(rowCounts(receipt))).toEqual(["animals", "dogs", "high", "low_a"]);
  const { manifest } = await openSoundBackup(folder.directory, "latest");
  expect(manifest.sequences.map(({ name }) => name)).toEqual(["parts_id_seq"]);
  expect(manifest.isWhole).toBe(false);
  const unknown = backUp(database, folder.directory, [{ schema: "public", name: "nowhere" }]);
  await expect(unknown).rejects.toMatchObject({ code: "E_UNKNOWN_TABLE" });
});

test("a second backup of the same database waits its turn or is refused", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await withLock(database, "backup", { waitMs: 0 }, async () => {
    await expect(backUp(database, folder.directory)).rejects.toMatchObject({ code: "E_LOCKED" });
  });
  expect(folder.entries()).toEqual([]);
});

test.each(serverNames)(
  "a backup inside a caller's transaction on %s reads what that one locked, and leaves its settings alone",
  async (server) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(manyRows);
    await withTransaction(database, {}, async (connection) => {
      await connection.execute("SET LOCAL search_path TO pg_catalog, public; LOCK TABLE second IN SHARE MODE");
      const tables = [{ schema: "public", name: "second" }];
      const receipt = await createBackup(database, {
        repository: folder.directory,
        tables,
        connection,
        clock: systemClock,
      });
      expect(rowCounts(receipt)).toEqual({ second: 10 });
      expect(
        await connection.query("SELECT current_setting('search_path') AS path, current_setting('row_security') AS rls"),
      ).toEqual([{ path: "pg_catalog, public", rls: "on" }]);
      await connection.execute("TRUNCATE second");
    });
    expect(await verifyBackup(folder.directory, "latest")).toMatchObject({ ok: true, rows: 10 });
    expect(await database.query("SELECT * FROM second")).toEqual([]);
  },
);

test("a session borrowed after a backup has its own settings again", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ maxConnections: 3 });
  await backUp(database, folder.directory);
  const settings = await Promise.all(
    [1, 2, 3].map(() => database.query("SELECT current_setting('search_path') AS path")),
  );
  expect(new Set(settings.flat().map((row) => Reflect.get(row, "path")))).toEqual(new Set(['"$user", public']));
});

test("files of a backup are for its owner only", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(manyRows);
  const { directory } = await backUp(database, join(folder.directory, "new", "place"));
  const modes = ["", "data", "manifest.json", "data/0001.0001.copy.zst"].map(
    (path) => statSync(join(directory, path)).mode & 0o777,
  );
  expect(modes).toEqual([0o700, 0o700, 0o600, 0o600]);
  expect(readFileSync(join(directory, "manifest.json"), "utf8")).not.toContain(scratch.target.password ?? "?");
});

test("an aborted backup leaves nothing", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  const controller = new AbortController();
  await using database = await scratch.open({ signal: controller.signal });
  await database.execute(manyRows);
  const onProgress = () => setTimeout(() => controller.abort(), 5);
  const { signal } = controller;
  const attempt = createBackup(database, { repository: folder.directory, clock: systemClock, signal, onProgress });
  expect(await outcomeOf(attempt)).toBe("aborted");
  expect(folder.entries()).toEqual([]);
});

test("a backup whose session the server ends leaves nothing", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ applicationName: "roomctl/victim" });
  await using other = await scratch.open();
  await database.execute(
    `${manyRows}; INSERT INTO first SELECT n, repeat(md5(n::text), 20) FROM generate_series(50001, 200000) AS n`,
  );
  const onProgress = () =>
    void other.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'roomctl/victim'",
    );
  const attempt = createBackup(database, { repository: folder.directory, clock: systemClock, onProgress });
  expect(await outcomeOf(attempt)).toBe("E_CONNECTION_LOST");
  expect(folder.entries()).toEqual([]);
});

test("a repository that takes no folder is said to be so, and promptly", async () => {
  await expect(openRepository("/proc/roomctl/backups").begin(newBackupId(new Date()))).rejects.toMatchObject({
    code: "E_FILE",
    hint: expect.stringContaining("--repo"),
  });
});

test("chosen tables are backed up while somebody has locked another one", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open({ lockTimeoutMs: 200 });
  await database.execute("CREATE TABLE users (id serial); CREATE TABLE todos (id serial)");
  await using other = await scratch.open();
  await withTransaction(other, {}, async (connection) => {
    await connection.execute("LOCK TABLE todos IN ACCESS EXCLUSIVE MODE");
    expect(rowCounts(await backUp(database, folder.directory, [{ schema: "public", name: "users" }]))).toEqual({
      users: 0,
    });
  });
});

test("a repository that cannot be written is said to be so", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  writeFileSync(join(folder.directory, "file"), "");
  for (const repository of [join(folder.directory, "file"), join(folder.directory, "file", "below")]) {
    await expect(backUp(database, repository)).rejects.toMatchObject({
      code: "E_FILE",
      hint: expect.stringContaining("--repo"),
    });
  }
});

test("drafts of killed runs are invisible, and the next backup sweeps them", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const draft = (id: string, owner: object) => {
    mkdirSync(join(folder.directory, `${id}.partial`, "data"), { recursive: true });
    writeFileSync(join(folder.directory, `${id}.partial`, "owner.json"), JSON.stringify(owner));
  };
  draft("2026-01-01T000000Z-aaaaaa", { host: hostname(), pid: 2 ** 22 + 1, startedAtMs: 0 });
  draft("2026-01-02T000000Z-bbbbbb", { host: hostname(), pid: process.ppid, startedAtMs: 0 });
  draft("2026-01-03T000000Z-cccccc", { host: `not-${hostname()}`, pid: 1, startedAtMs: 0 });
  draft("2026-01-04T000000Z-dddddd", { host: hostname(), pid: process.pid, startedAtMs: 0 });
  expect((await listBackups(folder.directory)).backups).toEqual([]);
  const { id, swept } = await backUp(database, folder.directory);
  expect([...swept].sort()).toEqual(["2026-01-01T000000Z-aaaaaa.partial", "2026-01-04T000000Z-dddddd.partial"]);
  expect(folder.entries()).toEqual(["2026-01-02T000000Z-bbbbbb.partial", "2026-01-03T000000Z-cccccc.partial", id]);
});

const damages: Record<
  string,
  { readonly problem: string; readonly file: string; damage(directory: string, other: string): void }
> = {
  "a flipped byte": {
    problem: "checksum",
    file: "data/0001.0001.copy.zst",
    damage: (directory) => flipByte(join(directory, "data/0001.0001.copy.zst")),
  },
  "a truncated file": {
    problem: "length",
    file: "data/0001.0001.copy.zst",
    damage: (directory) => truncateSync(join(directory, "data/0001.0001.copy.zst"), 100),
  },
  "an emptied file": {
    problem: "length",
    file: "data/0002.0001.copy.zst",
    damage: (directory) => truncateSync(join(directory, "data/0002.0001.copy.zst"), 0),
  },
  "appended bytes": {
    problem: "length",
    file: "data/0001.0001.copy.zst",
    damage: (directory) => appendFileSync(join(directory, "data/0001.0001.copy.zst"), "x"),
  },
  "a deleted file": {
    problem: "missing",
    file: "data/0002.0001.copy.zst",
    damage: (directory) => rmSync(join(directory, "data/0002.0001.copy.zst")),
  },
  "a file of another backup": {
    problem: "length",
    file: "data/0002.0001.copy.zst",
    damage: (directory, other) =>
      copyFileSync(join(other, "data/0002.0001.copy.zst"), join(directory, "data/0002.0001.copy.zst")),
  },
  "an extra file": {
    problem: "extra",
    file: "data/0009.0001.copy.zst",
    damage: (directory) => writeFileSync(join(directory, "data/0009.0001.copy.zst"), ""),
  },
  "an edited manifest": {
    problem: "manifest",
    file: "manifest.json",
    damage: (directory) => edit(join(directory, "manifest.json"), '"rows": 10', '"rows": 11'),
  },
  "the manifest of another backup": {
    problem: "manifest",
    file: "manifest.json",
    damage: (directory, other) => copyFileSync(join(other, "manifest.json"), join(directory, "manifest.json")),
  },
  "a truncated manifest": {
    problem: "manifest",
    file: "manifest.json",
    damage: (directory) => truncateSync(join(directory, "manifest.json"), 300),
  },
  "a deleted manifest": {
    problem: "manifest",
    file: "manifest.json",
    damage: (directory) => rmSync(join(directory, "manifest.json")),
  },
};

test.each(Object.entries(damages))(
  "%s is found and named, and no restore begins",
  async (_what, { problem, file, damage }) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    await database.execute(manyRows);
    const sound = await backUp(database, folder.directory);
    await database.execute("DELETE FROM second WHERE id > 3");
    const other = await backUp(database, folder.directory);
    damage(sound.directory, other.directory);
    const verdict = await verifyBackup(folder.directory, sound.id);
    expect(verdict).toMatchObject({ ok: false, findings: [{ problem, file }] });
    await expect(openSoundBackup(folder.directory, sound.id)).rejects.toMatchObject({
      code: "E_BACKUP_DAMAGED",
      message: expect.stringContaining(file),
    });
    expect(await verifyBackup(folder.directory, other.id)).toMatchObject({ ok: true });
    const listed = (await listBackups(folder.directory)).backups.find(({ id }) => id === sound.id);
    // A list looks at names and sizes only: a flipped byte is for verify.
    expect(listed?.state).toBe(problem === "checksum" ? "complete" : "damaged");
  },
);

test("files that were forged together with their digests still have to hold the rows that were written", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(manyRows);
  const { directory, id } = await createBackup(database, {
    repository: folder.directory,
    clock: systemClock,
    compression: { codec: "none", level: 0 },
    format: "text",
  });
  const file = "data/0002.0001.copy";
  const forged = Buffer.from("1\n2\n");
  writeFileSync(join(directory, file), forged);
  const manifestPath = join(directory, "manifest.json");
  const manifest = parseManifest(readFileSync(manifestPath, "utf8"), id);
  const seal = (changes: object) => {
    const tables = manifest.tables.map((table) =>
      table.name === "second" ? { ...table, chunks: table.chunks.map((chunk) => ({ ...chunk, ...changes })) } : table,
    );
    writeFileSync(manifestPath, formatManifest({ ...manifest, tables }));
  };
  const verify = () => verifyBackup(folder.directory, id);
  const stored = { sizeBytes: forged.length, sha256: sha256(forged) };
  const blocks = [[forged.length, forged.length, hashBlock(forged)]];
  seal(stored);
  expect(await verify()).toMatchObject({ findings: [{ problem: "checksum", file }] });
  seal({ ...stored, blocks, rows: 2 });
  expect(await verify()).toMatchObject({ findings: [{ problem: "rows", file: "manifest.json" }] });
  seal({ ...stored, blocks });
  expect(await verify()).toMatchObject({ ok: true });
  // Only counts and fingerprints are left to tell: rows that were never in the source do not get in.
  await database.execute("TRUNCATE first, second");
  await expect(restoreLatest(database, folder.directory)).rejects.toMatchObject({ code: "E_BACKUP_DAMAGED" });
  expect(await database.query("SELECT * FROM second")).toEqual([]);
});

test("an entry that only looks like a backup does not keep the others from being listed", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const { id } = await backUp(database, folder.directory);
  writeFileSync(join(folder.directory, "2020-01-01T000000Z-000000"), "");
  mkdirSync(join(folder.directory, "lost+found"));
  expect((await listBackups(folder.directory)).backups.map(({ id, state }) => [id, state])).toEqual([
    [id, "complete"],
    ["2020-01-01T000000Z-000000", "damaged"],
  ]);
});

test("a backup is found by the beginning of its id, and what is not there is answered with what is", async () => {
  using folder = createBackupFolder();
  await expect(verifyBackup(folder.directory, "latest")).rejects.toMatchObject({
    code: "E_NO_BACKUP",
    hint: "roomctl backup create",
  });
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const at = (time: string) => ({ ...systemClock, now: () => new Date(time) });
  const first = await createBackup(database, { repository: folder.directory, clock: at("2026-03-01T10:00:00Z") });
  const second = await createBackup(database, {
    repository: folder.directory,
    clock: at("2026-03-02T10:00:00Z"),
    note: "why",
  });
  expect((await listBackups(folder.directory)).backups).toMatchObject([
    { id: second.id, note: "why", createdAt: "2026-03-02T10:00:00.000Z" },
    { id: first.id, note: null },
  ]);
  expect((await verifyBackup(folder.directory, "2026-03-01")).id).toBe(first.id);
  expect((await verifyBackup(folder.directory, "latest")).id).toBe(second.id);
  for (const wanted of ["2026-03", "2027", "", "../x"]) {
    await expect(verifyBackup(folder.directory, wanted)).rejects.toMatchObject({
      code: "E_NO_BACKUP",
      hint: `there are: ${second.id}, ${first.id}`,
    });
  }
  // A damaged newest backup is said to be so; an older one never stands in for it.
  rmSync(join(second.directory, "manifest.json"));
  expect(await verifyBackup(folder.directory, "latest")).toMatchObject({
    id: second.id,
    ok: false,
    findings: [{ problem: "manifest" }],
  });
});

test("a pipe in the place of a file is damage, and nobody waits for it", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE a AS SELECT 1 AS n");
  const receipt = await createBackup(database, { repository: folder.directory, clock: systemClock });
  const [file] = readdirSync(join(receipt.directory, "data"));
  rmSync(join(receipt.directory, "data", file ?? ""));
  execFileSync("mkfifo", [join(receipt.directory, "data", file ?? "")]);
  expect(await verifyBackup(folder.directory, "latest")).toMatchObject({
    ok: false,
    findings: [{ problem: "unreadable" }],
  });
  rmSync(join(receipt.directory, "manifest.json"));
  execFileSync("mkfifo", [join(receipt.directory, "manifest.json")]);
  expect(await verifyBackup(folder.directory, "latest")).toMatchObject({
    ok: false,
    findings: [{ problem: "manifest" }],
  });
});

function rowCounts(receipt: { readonly tables: readonly { readonly name: string; readonly rows: number }[] }) {
  return Object.fromEntries(receipt.tables.map(({ name, rows }) => [name, rows]));
}

async function createRole(scratch: ScratchDatabase) {
  const name = `role_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await using database = await scratch.open();
  await database.execute(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
  return {
    name,
    open: () => openDatabase({ ...scratch.target, user: name, password }),
    async [Symbol.asyncDispose]() {
      await using owner = await scratch.open();
      await owner.execute(`DROP OWNED BY ${name}; DROP ROLE ${name}`);
    },
  };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : error;
}

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(path, bytes);
}

function edit(path: string, before: string, after: string): void {
  const text = readFileSync(path, "utf8");
  expect(text).toContain(before);
  writeFileSync(path, text.replace(before, after));
}
