import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Environment, writeMarker } from "../../src/db/marker.js";
import { countRows } from "../../src/db/schema.js";
import { programPath, runRoomctl } from "../support/cli.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

const config = {
  app: {
    scopes: [
      { name: "rooms", summary: "rooms", tables: ["rooms"] },
      {
        name: "people",
        summary: "people",
        tables: ["people"],
        resets: [{ table: "notes", column: "text", value: "''" }],
      },
      { name: "all", summary: "everything", tables: [], includes: ["*"] },
    ],
  },
};
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-wipe-"));
  writeFileSync(join(folder, "roomctl.config.json"), JSON.stringify(config));
  return () => rmSync(folder, { recursive: true, force: true });
});

async function createApp(environment?: Environment): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await using connection = await database.connect();
  await connection.execute(`
    CREATE TABLE people (id serial PRIMARY KEY); INSERT INTO people SELECT FROM generate_series(1, 3);
    CREATE TABLE rooms (id serial PRIMARY KEY, owner int REFERENCES people); INSERT INTO rooms (owner) VALUES (1), (2);
    CREATE TABLE notes (text text, id serial PRIMARY KEY); INSERT INTO notes VALUES ('hello')`);
  if (environment) await writeMarker(connection, environment);
  return scratch;
}

const run = (scratch: ScratchDatabase, words: readonly string[]) =>
  runRoomctl(words, { databaseUrl: scratch.url, workingDirectory: folder });

async function rowsOf(scratch: ScratchDatabase, name: string): Promise<number> {
  await using database = await scratch.open();
  return await countRows(database, { schema: "public", name });
}

const backups = () => readdirSync(join(folder, ".roomctl", "backups"));

interface WipeAnswer {
  readonly applied: boolean;
  readonly token: string;
  readonly receipt: string;
  readonly plan: { readonly token: string };
}

test("without a flag it shows the plan and changes nothing", async () => {
  await using scratch = await createApp("development");
  const { status, stdout } = await run(scratch, ["wipe"]);
  expect(status).toBe(0);
  expect(stdout).toContain(scratch.target.database);
  expect(stdout).toMatch(/environment\s+development/);
  expect(stdout).toMatch(/^people\t3\t/m);
  expect(stdout).toContain("5 rows of 2 tables would be deleted");
  expect(stdout).toContain("roomctl wipe --confirm");
  expect(await rowsOf(scratch, "people")).toBe(3);
});

test("a bare --confirm in a development database deletes, with a verified backup as receipt", async () => {
  await using scratch = await createApp("development");
  const { status, stdout, stderr } = await run(scratch, ["wipe", "--confirm", "--json"]);
  expect(stderr).not.toContain("error");
  expect(status).toBe(0);
  const answer: WipeAnswer = JSON.parse(stdout);
  expect(answer).toMatchObject({ ok: true, command: "wipe", applied: true });
  expect(backups()).toContain(answer.receipt);
  expect([await rowsOf(scratch, "people"), await rowsOf(scratch, "rooms"), await rowsOf(scratch, "notes")]).toEqual([
    0, 0, 1,
  ]);
  const verified = await run(scratch, ["backup", "verify", answer.receipt, "--json"]);
  expect(verified.json()).toMatchObject({ ok: true, rows: 6 });
  const listed = await run(scratch, ["operations", "--json"]);
  expect(listed.json()).toMatchObject({
    operations: [{ kind: "wipe", receipt: answer.receipt, summary: "all: 5 rows deleted, 1 row reset" }],
  });
});

describe.each([undefined, "production", "staging"] as const)("in a database marked %s", (environment) => {
  test("a bare --confirm without a terminal is refused with the exact command", async () => {
    await using scratch = await createApp(environment);
    const { status, stderr } = await run(scratch, ["wipe", "--scope", "rooms", "--confirm"]);
    expect(status).toBe(4);
    expect(stderr).toContain(`roomctl wipe --scope rooms --confirm=${scratch.target.database}`);
    expect(await rowsOf(scratch, "rooms")).toBe(2);
  });

  test("the right name goes on, another one does not", async () => {
    await using scratch = await createApp(environment);
    const wrong = await run(scratch, ["wipe", "--scope", "rooms", "--confirm=postgres"]);
    expect([wrong.status, await rowsOf(scratch, "rooms")]).toEqual([4, 2]);
    const right = await run(scratch, ["wipe", "--scope", "rooms", `--confirm=${scratch.target.database}`]);
    expect([right.status, await rowsOf(scratch, "rooms")]).toEqual([0, 0]);
    expect(right.stdout).toContain("wiped");
  });
});

test("what foreign keys drag along must be accepted; the hint is the command that does it", async () => {
  await using scratch = await createApp("development");
  const refused = await run(scratch, ["wipe", "--scope", "people", "--confirm"]);
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain("rooms (2 rows)");
  expect(refused.stderr).toContain("roomctl wipe --scope people --cascade --confirm");
  const accepted = await run(scratch, ["wipe", "--scope", "people", "--cascade", "--confirm"]);
  expect([accepted.status, await rowsOf(scratch, "rooms")]).toEqual([0, 0]);
  await using database = await scratch.open();
  expect(await database.query("SELECT text FROM notes")).toEqual([{ text: "" }]);
});

test("what a reset puts back is called so, and an undo brings the old value back", async () => {
  await using scratch = await createApp("development");
  writeFileSync(
    join(folder, "roomctl.config.json"),
    JSON.stringify({ app: { scopes: [{ ...config.app.scopes[1], name: "notes", tables: [] }] } }),
  );
  const planned = await run(scratch, ["wipe", "--scope", "notes"]);
  expect(planned.stdout).toContain("\nnotes.text would be put back in 1 row. Nothing was changed.");
  expect(planned.stdout).not.toContain("would be deleted");
  const done = await run(scratch, ["wipe", "--scope", "notes", "--confirm"]);
  expect(done.status).toBe(0);
  const [id] = backups();
  expect(done.stdout).toContain(`receipt ${id}: the values before the reset, verified`);
  expect(done.stdout).not.toMatch(/wiped|deleted rows/);
  expect(await textsOf(scratch)).toEqual([""]);
  // A part of a table is not what a restore could load.
  const refused = await run(scratch, ["backup", "restore", "latest"]);
  expect([refused.status, refused.stderr]).toEqual([12, expect.stringContaining(`roomctl wipe undo ${id}`)]);
  const undone = await run(scratch, ["wipe", "undo", "latest"]);
  expect({ status: undone.status, stderr: undone.stderr }).toMatchObject({ status: 0 });
  expect(await textsOf(scratch)).toEqual(["hello"]);
});

async function textsOf(scratch: ScratchDatabase): Promise<readonly string[]> {
  await using database = await scratch.open();
  const rows = await database.query<{ text: string }>("SELECT text FROM notes");
  return rows.map(({ text }) => text);
}

test("--plan consents to exactly that plan, and to no other", async () => {
  await using scratch = await createApp("production");
  const { token } = (await run(scratch, ["wipe", "--scope", "rooms", "--json"])).json<WipeAnswer>();
  await addRoom(scratch);
  const stale = await run(scratch, ["wipe", "--scope", "rooms", "--plan", token]);
  expect(stale.status).toBe(4);
  expect(stale.stderr).toContain("E_PLAN_STALE");
  const fresh = (await run(scratch, ["wipe", "--scope", "rooms", "--json"])).json<WipeAnswer>();
  const elsewhere = await run(scratch, ["wipe", "--plan", fresh.token]);
  expect([elsewhere.status, await rowsOf(scratch, "rooms")]).toEqual([4, 3]);
  const done = await run(scratch, ["wipe", "--scope", "rooms", "--plan", fresh.token]);
  expect([done.status, await rowsOf(scratch, "rooms")]).toEqual([0, 0]);
});

/** Nobody may be connected while a wipe runs, so neither may we. */
async function addRoom(scratch: ScratchDatabase): Promise<void> {
  await using database = await scratch.open();
  await database.execute("INSERT INTO rooms (owner) VALUES (3)");
}

test("an open session of another program refuses until it is stepped over by name", async () => {
  await using scratch = await createApp("development");
  await using database = await scratch.open();
  await database.query("SELECT 1");
  const refused = await run(scratch, ["wipe", "--scope", "rooms", "--confirm"]);
  expect([refused.status, refused.stderr]).toEqual([
    4,
    expect.stringContaining("clients: 1 other client is connected"),
  ]);
  const done = await run(scratch, ["wipe", "--scope", "rooms", "--confirm", "--allow", "clients", "--json"]);
  expect(done.json()).toMatchObject({ applied: true, allowed: [{ guard: "clients" }] });
});

test("some rows of a table go with --where and --table, and come back", async () => {
  await using scratch = await createApp("development");
  const words = ["wipe", "--table", "people", "--where", "id = 1"];
  const planned = await run(scratch, words);
  expect(planned.stdout).toContain("2 rows of 2 tables would be deleted");
  const refused = await run(scratch, [...words, "--confirm"]);
  expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining("--cascade --confirm")]);
  const none = await run(scratch, ["wipe", "--table", "people", "--where", "id = 99", "--confirm"]);
  expect([none.status, none.stdout]).toEqual([0, expect.stringContaining("there is nothing to delete")]);
  const done = await run(scratch, [...words, "--cascade", "--confirm"]);
  expect([done.status, await rowsOf(scratch, "people"), await rowsOf(scratch, "rooms")]).toEqual([0, 2, 1]);
  expect((await run(scratch, ["wipe", "undo", "latest"])).status).toBe(0);
  expect([await rowsOf(scratch, "people"), await rowsOf(scratch, "rooms")]).toEqual([3, 2]);
});

test("an estimate shows the plan without a token, and is nothing to consent to", async () => {
  await using scratch = await createApp("development");
  const shown = await run(scratch, ["wipe", "--estimate"]);
  expect([shown.status, shown.stdout]).toEqual([0, expect.stringContaining("Nothing was counted")]);
  expect((await run(scratch, ["wipe", "--estimate", "--confirm"])).status).toBe(2);
});

test("--dry-run shows the plan whatever else is given", async () => {
  await using scratch = await createApp("development");
  const { status, stdout } = await run(scratch, ["wipe", "--confirm", "--cascade", "--dry-run"]);
  expect([status, await rowsOf(scratch, "people")]).toEqual([0, 3]);
  expect(stdout).toContain("Nothing was changed");
});

test("when the disk is full before the backup is whole, nothing is deleted, and no receipt is known", async () => {
  await using scratch = await createApp("development");
  const script = 'ulimit -f 1; exec "$0" "$@"';
  const words = ["-c", script, process.execPath, programPath, "wipe", "--confirm", "--json"];
  const ended = spawnSync("bash", words, {
    cwd: folder,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ROOMCTL_DATABASE_URL: scratch.url },
  });
  expect([ended.status, JSON.parse(ended.stderr).error.code]).toEqual([1, "E_DISK_FULL"]);
  expect(await rowsOf(scratch, "people")).toBe(3);
  expect((await run(scratch, ["wipe", "receipts", "--json"])).json()).toMatchObject({ receipts: [] });
  expect(backups()).toEqual([]);
});

test("when the backup cannot be written, nothing is deleted", async () => {
  await using scratch = await createApp("development");
  const { status, stderr } = await run(scratch, ["wipe", "--confirm", "--repo", "roomctl.config.json"]);
  expect([status, stderr]).toEqual([1, expect.stringContaining("error:")]);
  expect(await rowsOf(scratch, "people")).toBe(3);
});

test("--no-backup must be spelled on the command line, and is warned about", async () => {
  await using scratch = await createApp("development");
  const inherited = await runRoomctl(["wipe", "--scope", "rooms", "--confirm", "--json"], {
    databaseUrl: scratch.url,
    workingDirectory: folder,
    environment: { ROOMCTL_NO_BACKUP: "1", ROOMCTL_BACKUP: "false" },
  });
  expect(inherited.json()).toMatchObject({ receipt: expect.any(String) });
  const { stdout, stderr } = await run(scratch, ["wipe", "--cascade", "--confirm", "--no-backup"]);
  expect(stderr).toContain("no backup");
  expect(stdout).toContain("no backup was taken");
  expect(await rowsOf(scratch, "people")).toBe(0);
});

test("consent never comes from the environment or from stdin", async () => {
  await using scratch = await createApp("development");
  const { status } = await runRoomctl(["wipe"], {
    databaseUrl: scratch.url,
    workingDirectory: folder,
    input: `${scratch.target.database}\n`,
    environment: { ROOMCTL_CONFIRM: scratch.target.database, ROOMCTL_CASCADE: "1" },
  });
  expect([status, await rowsOf(scratch, "people")]).toEqual([0, 3]);
});

test("an unknown scope and a scope without its flag are usage errors that name the way", async () => {
  await using scratch = await createApp();
  const unknown = await run(scratch, ["wipe", "--scope", "room"]);
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining("did you mean rooms?")]);
  const positional = await run(scratch, ["wipe", "--dry-run", "rooms"]);
  expect([positional.status, positional.stderr]).toEqual([2, expect.stringContaining("roomctl wipe --scope rooms")]);
});

describe("wipe scopes", () => {
  let answer: { scopes: { name: string; tables: string[]; resets: string[] }[] };

  beforeAll(async () => {
    answer = (await runRoomctl(["wipe", "scopes", "--json"])).json();
  });

  test("lists every scope of the reference app with all its tables, and needs no database", () => {
    expect(answer.scopes.map(({ name }) => name)).toEqual([
      "usc",
      "users",
      "invites",
      "referrals",
      "rooms",
      "chat",
      "locations",
      "instagram",
      "study",
      "limits",
      "all",
    ]);
    expect(answer.scopes.find(({ name }) => name === "usc")?.tables).toEqual([
      "usc_card_registrations",
      "usc_scan_attempts",
    ]);
    expect(answer.scopes.find(({ name }) => name === "all")?.tables).toContain("timer_sessions");
    expect(answer.scopes.find(({ name }) => name === "instagram")?.resets).toEqual([
      "users.instagram_posts = '[]'::jsonb",
    ]);
  });
});
