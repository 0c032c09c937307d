import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { type Environment, writeMarker } from "../../src/db/marker.js";
import { withTransaction } from "../../src/db/transaction.js";
import { runRoomctl } from "../support/cli.js";
import { connectClient } from "../support/guards.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";
import { hasTmux, runInTerminal } from "../support/terminal.js";

let folder: string;

/** The one scope `rooms`; more of the app as a test wants it. */
function configure(app: object = {}): void {
  const scopes = [{ name: "rooms", summary: "rooms", tables: ["rooms"] }];
  writeFileSync(join(folder, "roomctl.config.json"), JSON.stringify({ app: { scopes, ...app } }));
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "roomctl-consent-"));
  configure();
  return () => rmSync(folder, { recursive: true, force: true });
});

async function createRooms(environment?: Environment): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute("CREATE TABLE rooms (id serial); INSERT INTO rooms SELECT FROM generate_series(1, 7)");
  if (environment) await withTransaction(database, {}, (connection) => writeMarker(connection, environment));
  return scratch;
}

async function rowsOf(scratch: ScratchDatabase): Promise<number> {
  await using database = await scratch.open();
  const [row] = await database.query<{ rows: number }>("SELECT count(*)::int AS rows FROM rooms");
  return row?.rows ?? -1;
}

const wipe = (scratch: ScratchDatabase, words: readonly string[], input?: string) =>
  runRoomctl(["wipe", "--scope", "rooms", "--no-backup", ...words], {
    databaseUrl: scratch.url,
    workingDirectory: folder,
    ...(input === undefined ? {} : { input }),
  });

describe("without a terminal", () => {
  test("an answer that is piped never counts, whatever it says", async () => {
    await using scratch = await createRooms("production");
    const piped = "yes\n".repeat(100) + `${scratch.target.database}\n`.repeat(100);
    for (const words of [["--confirm"], ["--confirm", "--no-input"]]) {
      const { status, stderr } = await wipe(scratch, words, piped);
      expect(status).toBe(4);
      expect(stderr).toContain(`--confirm=${scratch.target.database}`);
    }
    expect(await rowsOf(scratch)).toBe(7);
  });

  test("unattended, the token of a plan is consent to it and to no other, also in production", async () => {
    await using scratch = await createRooms("production");
    const { token } = (await wipe(scratch, ["--json"])).json<{ token: string }>();
    const other = token.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    expect(await wipe(scratch, ["--plan", other])).toMatchObject({ status: 4 });
    expect(await wipe(scratch, ["--plan", token, "--confirm=other"])).toMatchObject({ status: 4 });
    expect(await rowsOf(scratch)).toBe(7);
    expect(await wipe(scratch, ["--plan", token])).toMatchObject({ status: 0 });
    expect(await rowsOf(scratch)).toBe(0);
  });
});

describe.runIf(hasTmux)("on a terminal", () => {
  const inTerminal = (scratch: ScratchDatabase, words: readonly string[]) =>
    runInTerminal(
      ["wipe", "--scope", "rooms", "--no-backup", "--config", join(folder, "roomctl.config.json"), ...words],
      {
        ROOMCTL_DATABASE_URL: scratch.url,
        ROOMCTL_STATE_DIR: join(folder, ".roomctl"),
      },
    );

  test("even what is for development is asked for by name", async () => {
    await using scratch = await createRooms("development");
    await using terminal = inTerminal(scratch, ["--confirm"]);
    await terminal.waitFor("Type the name of the database");
    expect(await rowsOf(scratch)).toBe(7);
    terminal.type(scratch.target.database);
    terminal.press("Enter");
    expect(await terminal.waitFor("exit: ")).toContain("exit: 0");
    expect(await rowsOf(scratch)).toBe(0);
  });

  test("--no-input takes the terminal away: production is refused, with the command", async () => {
    await using scratch = await createRooms("production");
    await using terminal = inTerminal(scratch, ["--confirm", "--no-input"]);
    const end = await terminal.waitFor("exit: ");
    expect(end).toContain("exit: 4");
    expect(end.replaceAll("\n", "")).toContain(`--confirm=${scratch.target.database}`);
    expect(await rowsOf(scratch)).toBe(7);
  });

  test("the right name typed with the command is not asked for again", async () => {
    await using scratch = await createRooms("production");
    await using terminal = inTerminal(scratch, [`--confirm=${scratch.target.database}`]);
    expect(await terminal.waitFor("exit: ")).toContain("exit: 0");
    expect(await rowsOf(scratch)).toBe(0);
  });
});

describe("a guard that refuses", () => {
  test("is shown with the plan, refuses with exit 4 whatever the consent, and is stepped over by name and on record", async () => {
    await using scratch = await createRooms("development");
    const consent = `--confirm=${scratch.target.database}`;
    {
      await using _client = await connectClient(scratch.target, "game-server");
      const plan = await wipe(scratch, []);
      expect(plan).toMatchObject({ status: 0 });
      expect(plan.stdout).toContain("game-server");
      const refused = await wipe(scratch, [consent]);
      expect(refused).toMatchObject({ status: 4, stdout: "" });
      expect(refused.stderr).toContain('clients: 1 other client is connected: "game-server"');
      expect(refused.stderr).toContain("--allow clients");
      expect(refused.stderr).toContain("[E_GUARD]");
      expect(await wipe(scratch, [consent, "--allow", "running-backup"])).toMatchObject({ status: 4 });
      expect(await wipe(scratch, [consent, "--allow", "client"])).toMatchObject({ status: 2 });
      expect(await rowsOf(scratch)).toBe(7);
      const allowed = await wipe(scratch, [consent, "--allow", "clients", "--json"]);
      expect(allowed).toMatchObject({ status: 0 });
      expect(allowed.json()).toMatchObject({
        allowed: [{ guard: "clients", saw: expect.stringContaining("game-server") }],
        warnings: expect.arrayContaining([expect.stringContaining("clients")]),
      });
    }
    expect(await rowsOf(scratch)).toBe(0);
    const recorded = await runRoomctl(["operations", "--json"], { databaseUrl: scratch.url });
    expect(recorded.json()).toMatchObject({ operations: [{ result: { allowed: [{ guard: "clients" }] } }] });
  });

  test("several are named at once, and each cure is the command to type", async () => {
    await using scratch = await createRooms("development");
    configure({ guards: { protectedHosts: ["127.*"] } });
    const run = (...words: string[]) => runRoomctl(words, { databaseUrl: scratch.url, workingDirectory: folder });
    await run("config", "protect", "rooms", "--note", "the owner's");
    const both = await wipe(scratch, ["--confirm", "--allow", "protected-table"]);
    expect(both).toMatchObject({ status: 4 });
    expect(both.stderr).toContain("2 guards refuse");
    expect(both.stderr).toMatch(/protected-host: .*127\.0\.0\.1/);
    expect(both.stderr).toMatch(/protected-table: rooms \(.* protected it: "the owner's"\)/);
    const one = await wipe(scratch, ["--confirm", "--allow", "protected-host"]);
    expect(one).toMatchObject({ status: 4 });
    expect(one.stderr).toContain("next: roomctl config unprotect rooms --confirm\n");
    expect(await rowsOf(scratch)).toBe(7);
    expect(await run("config", "unprotect", "rooms", "--confirm")).toMatchObject({ status: 0 });
    expect(await wipe(scratch, ["--confirm", "--allow", "protected-host"])).toMatchObject({ status: 0 });
    expect(await rowsOf(scratch)).toBe(0);
  });
});
