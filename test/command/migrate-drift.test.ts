import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";
import { createScratchOwner } from "../support/scratch-owner.js";

interface DriftAnswer {
  readonly findings: readonly { readonly kind: string; readonly object: string; readonly repair: string | null }[];
  readonly warnings: readonly string[];
}

const files = {
  "0001_rooms.up.sql":
    "CREATE TABLE rooms (id int PRIMARY KEY, title text DEFAULT 'x'); CREATE INDEX rooms_title ON rooms (title);",
};

test.each(serverNames)(
  "drift on %s is shown by table with both definitions and a repair, and exits with 3",
  async (server) => {
    using folder = createMigrationFolder(files);
    await using scratch = await createScratchDatabase({ server });
    const run = (...words: string[]) =>
      runRoomctl(["migrate", ...words, "--dir", folder.directory], { databaseUrl: scratch.url });
    expect((await run("up")).status).toBe(0);

    const none = await run("drift");
    expect([none.status, none.stderr]).toEqual([0, ""]);
    expect(none.stdout).toMatch(/^no drift: the database is as what 1 migration of .* built on PostgreSQL (18|15)\n$/);

    await using database = await scratch.open();
    await database.execute(`
    DROP INDEX rooms_title; ALTER TABLE rooms ALTER COLUMN title SET DEFAULT 'y'; CREATE TABLE extra (n int)`);
    const some = await run("drift");
    expect(some.status).toBe(3);
    expect(some.stdout.split("\n").slice(0, 12)).toEqual([
      "public.extra",
      "  + table public.extra",
      "public.rooms",
      "  ~ column public.rooms title",
      "      live:  text default 'y'::text",
      "      files: text default 'x'::text",
      "      repair: ALTER TABLE public.rooms ALTER COLUMN title SET DEFAULT 'x'::text;",
      "  - index public.rooms_title",
      "      files: CREATE INDEX rooms_title ON public.rooms USING btree (title)",
      "      repair: CREATE INDEX CONCURRENTLY rooms_title ON public.rooms USING btree (title);",
      "",
      expect.stringMatching(/^3 differences from .*: 1 only in the database, 1 only in the files, 1 changed$/),
    ]);

    const json = await run("drift", "--json", "--ignore", "*public.extra", "--ignore", "column *");
    expect(json.status).toBe(3);
    expect(json.json<DriftAnswer>().findings.map(({ kind, object }) => [kind, object])).toEqual([
      ["files-only", "index public.rooms_title"],
    ]);
  },
);

test("without an applied migration, or without the file of one, it says so and exits with 12", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  const run = (...words: string[]) =>
    runRoomctl(["migrate", ...words, "--dir", folder.directory], { databaseUrl: scratch.url });
  const untouched = await run("drift");
  expect([untouched.status, untouched.stdout]).toEqual([12, ""]);
  expect(untouched.stderr).toContain("no migration was ever applied here");
  await run("up");
  folder.write("0001_rooms.up.sql", "CREATE TABLE rooms (id int PRIMARY KEY, title text DEFAULT 'x')");
  const edited = await run("drift");
  expect(edited.status).toBe(3);
  expect(edited.stderr).toContain("0001_rooms was edited after it was applied");
  folder.write("0002_other.up.sql", "CREATE TABLE other (n int)");
  folder.remove("0001_rooms.up.sql");
  const missing = await run("drift");
  expect(missing.status).toBe(12);
  expect(missing.stderr).toContain("0001_rooms is applied, but not in");
});

test("a server given with --scratch-url is used, and keeps nothing of it", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase();
  await runRoomctl(["migrate", "--dir", folder.directory], { databaseUrl: scratch.url });
  await using owner = await createScratchOwner();
  const result = await runRoomctl(["migrate", "drift", "--dir", folder.directory, "--scratch-url", owner.url], {
    databaseUrl: scratch.url,
  });
  expect([result.status, result.stdout]).toEqual([0, expect.stringContaining("no drift")]);
  expect(await owner.databases()).toEqual([]);
});

test.skipIf(!serverNames.includes("postgres15"))("the whole database dumps the same before and after", async () => {
  using folder = createMigrationFolder(files);
  await using scratch = await createScratchDatabase({ server: "postgres15" });
  await runRoomctl(["migrate", "--dir", folder.directory], { databaseUrl: scratch.url });
  const before = await dump(scratch);
  expect((await runRoomctl(["migrate", "drift", "--dir", folder.directory], { databaseUrl: scratch.url })).status).toBe(
    0,
  );
  expect(await dump(scratch)).toBe(before);
});

async function dump({ target }: ScratchDatabase): Promise<string> {
  const { host, port, user, database, password } = target;
  const words = ["-h", host, "-p", String(port), "-U", user, database];
  const { stdout } = await promisify(execFile)("/usr/lib/postgresql/15/bin/pg_dump", words, {
    env: { PGPASSWORD: password, PGSSLMODE: "disable" },
  });
  return stdout.replace(/^\\(?:un)?restrict .*$/gm, "");
}
