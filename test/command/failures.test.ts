import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { destroyEmbedded, startEmbedded } from "../../src/db/embedded.js";
import { openDatabase } from "../../src/db/pool.js";
import { type RunResult, runRoomctl } from "../support/cli.js";
import { freePort } from "../support/pgbouncer.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";

/** Every command that needs a database. */
const commands = [
  "migrate",
  "migrate status",
  "migrate plan",
  "migrate down",
  "audit",
  "wipe",
  "wipe --confirm",
  "sequences check",
  "sequences reset",
  "backup create",
  "recover --dry-run",
  "recover",
  "seed",
  "operations",
];

function errorOf({ stderr }: RunResult): { readonly code: string; readonly hint: string; readonly exitCode: number } {
  return (JSON.parse(stderr) as { error: { code: string; hint: string; exitCode: number } }).error;
}

function withPart(url: string, part: "port" | "password" | "pathname", value: string): string {
  const changed = new URL(url);
  changed[part] = value;
  return changed.href;
}

test.each(commands)("roomctl %s says why it cannot reach its database, and what to type", async (command) => {
  await using scratch = await createScratchDatabase();
  const cases = [
    ["E_CONNECT", withPart(scratch.url, "port", String(await freePort()))],
    ["E_AUTHENTICATION", withPart(scratch.url, "password", "wr0ng")],
    ["E_NO_SUCH_DATABASE", withPart(scratch.url, "pathname", "/nowhere")],
  ] as const;
  for (const [code, databaseUrl] of cases) {
    const result = await runRoomctl([...command.split(" "), "--json"], { databaseUrl });
    expect(result).toMatchObject({ status: 10, stdout: "" });
    expect(errorOf(result)).toMatchObject({ code, exitCode: 10, hint: expect.stringMatching(/\S/) });
    expect(result.stderr).not.toContain(scratch.target.password);
  }
});

async function migratedDatabase(): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase();
  const { status, stderr } = await runRoomctl(["migrate"], { databaseUrl: scratch.url });
  if (status !== 0) throw new Error(stderr);
  return scratch;
}

/** A role of its own in a migrated database: what it may do is said by `grants`. */
async function createRole(scratch: ScratchDatabase, role: string, grants: string): Promise<string> {
  await using database = await scratch.open();
  await database.execute(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'limited'; ${grants}`);
  const url = new URL(scratch.url);
  url.username = role;
  url.password = "limited";
  return url.href;
}

async function dropRole(scratch: ScratchDatabase, role: string): Promise<void> {
  await using database = await scratch.open();
  await database.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
}

const readOnlyRole = "roomctl_test_read_only";

test("on a read-only server what reads works, and what writes says so and changes nothing", async () => {
  await using scratch = await migratedDatabase();
  const repository = mkdtempSync(join(tmpdir(), "roomctl-repo-"));
  const databaseUrl = await createRole(
    scratch,
    readOnlyRole,
    `ALTER ROLE ${readOnlyRole} SUPERUSER; ALTER ROLE ${readOnlyRole} SET default_transaction_read_only = on`,
  );
  const run = (command: string) =>
    runRoomctl([...command.split(" "), "--json"], { databaseUrl, environment: { ROOMCTL_REPO: repository } });
  for (const command of [
    "migrate plan",
    "migrate status",
    "migrate",
    "audit",
    "wipe",
    "sequences check",
    "backup create",
    "recover --dry-run",
    "operations",
  ]) {
    expect({ command, ...(await run(command)) }).toMatchObject({ command, status: 0 });
  }
  const confirm = `--confirm=${scratch.target.database}`;
  for (const command of [`migrate down ${confirm}`, `wipe --scope rooms ${confirm}`, `recover ${confirm}`, "seed"]) {
    const result = await run(command);
    expect({ command, status: result.status, code: errorOf(result).code }).toEqual({
      command,
      status: 1,
      code: "E_READ_ONLY",
    });
  }
  await dropRole(scratch, readOnlyRole);
  rmSync(repository, { recursive: true });
});

const strangerRole = "roomctl_test_stranger";

test("a role without rights is told which right is missing, and nothing is changed", async () => {
  await using scratch = await migratedDatabase();
  const databaseUrl = await createRole(
    scratch,
    strangerRole,
    `GRANT CONNECT ON DATABASE "${scratch.target.database}" TO ${strangerRole}`,
  );
  for (const command of [
    "migrate",
    "wipe",
    "backup create",
    `wipe --scope rooms --confirm=${scratch.target.database}`,
  ]) {
    const result = await runRoomctl([...command.split(" "), "--json"], { databaseUrl });
    expect({ command, status: result.status, code: errorOf(result).code }).toEqual({
      command,
      status: 1,
      code: "E_PRIVILEGE",
    });
  }
  const audit = await runRoomctl(["audit", "--json", "--fail-on", "warning"], { databaseUrl });
  expect(audit.status).toBe(3);
  await dropRole(scratch, strangerRole);
});

test("a server that goes away in the middle is exit 10, and the lock, the repository and the rows are as before", async () => {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-gone-"));
  const directory = join(folder, "server");
  const { target, dataDirectory } = await startEmbedded({ directory });
  try {
    await using database = await openDatabase(target);
    await database.execute("CREATE TABLE public.user_locations AS SELECT generate_series(1, 7) AS n");
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE public.user_locations IN ACCESS EXCLUSIVE MODE");
    const url = `postgresql://${target.user}:${target.password}@127.0.0.1:${target.port}/${target.database}`;
    const words = ["wipe", "--scope", "locations", `--confirm=${target.database}`, "--lock-timeout", "600s", "--json"];
    const running = runRoomctl(words, { databaseUrl: url });
    await waitForBlocked(database);
    // SIGQUIT to the postmaster is `pg_ctl stop -m immediate`.
    process.kill(Number(readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n")[0]), "SIGQUIT");
    const result = await running;
    expect(result).toMatchObject({ status: 10, stdout: "" });
    expect(errorOf(result).code).toBe("E_CONNECTION_LOST");
    holder.discard();

    const again = await startEmbedded({ directory });
    await using after = await openDatabase(again.target);
    expect(await after.query("SELECT count(*)::int AS rows FROM public.user_locations")).toEqual([{ rows: 7 }]);
  } finally {
    await destroyEmbedded({ directory });
    rmSync(folder, { recursive: true, force: true });
  }
});

async function waitForBlocked(database: {
  query<Row extends object>(sql: string): Promise<readonly Row[]>;
}): Promise<void> {
  for (let attempt = 0; attempt < 6000; attempt += 1) {
    const blocked = await database.query(
      "SELECT FROM pg_stat_activity WHERE application_name = 'roomctl/wipe' AND wait_event_type = 'Lock'",
    );
    if (blocked.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("roomctl never waited for the lock");
}
