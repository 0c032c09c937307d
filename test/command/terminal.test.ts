import { describe, expect, test } from "vitest";
import { writeMarker } from "../../src/db/marker.js";
import type { Database } from "../../src/db/pool.js";
import { createScratchDatabase, type ScratchDatabase } from "../support/postgres.js";
import { hasTmux, runInTerminal } from "../support/terminal.js";

/** A database of its own tables, marked as production, and a configuration-free way to wipe it: the scope `locations`. */
async function createTarget(): Promise<{ readonly scratch: ScratchDatabase; readonly database: Database }> {
  const scratch = await createScratchDatabase({ name: "call app" });
  const database = await scratch.open();
  await database.execute("CREATE TABLE public.user_locations AS SELECT generate_series(1, 7) AS n");
  await using connection = await database.connect();
  await writeMarker(connection, "production");
  return { scratch, database };
}

async function countLocations(database: Database): Promise<number> {
  const [row] = await database.query<{ rows: number }>("SELECT count(*)::int AS rows FROM public.user_locations");
  return row?.rows ?? -1;
}

/** These tests look on from a session of their own, which is a client that the wipe would refuse to work beside. */
const wipeLocations = ["wipe", "--scope", "locations", "--allow", "clients", "--confirm"];

describe.runIf(hasTmux)("in a real terminal", () => {
  test("a bare --confirm shows the plan, asks for the database's name, and wipes when it is typed", async () => {
    const { scratch, database } = await createTarget();
    await using _scratch = scratch;
    await using _database = database;
    await using terminal = runInTerminal(wipeLocations, {
      ROOMCTL_DATABASE_URL: scratch.url,
    });
    const question = await terminal.waitFor("Type the name of the database");
    expect(question).toContain("environment  production");
    expect(question).toMatch(/user_locations\s+7/);
    expect(await countLocations(database)).toBe(7);
    terminal.type("call app");
    terminal.press("Enter");
    const end = await terminal.waitFor("exit: ");
    expect(end).toContain("exit: 0");
    expect(end).toContain("wiped 7 rows of 1 table");
    expect(await countLocations(database)).toBe(0);
  });

  test.each([
    ["the wrong name", "yes", "Enter", "exit: 4"],
    ["Ctrl-C", "", "C-c", "exit: 130"],
  ] as const)("%s at the question changes nothing", async (_what, typed, key, exit) => {
    const { scratch, database } = await createTarget();
    await using _scratch = scratch;
    await using _database = database;
    await using terminal = runInTerminal(wipeLocations, {
      ROOMCTL_DATABASE_URL: scratch.url,
    });
    await terminal.waitFor("Type the name of the database");
    if (typed) terminal.type(typed);
    terminal.press(key);
    expect(await terminal.waitFor("exit: ")).toContain(exit);
    expect(await countLocations(database)).toBe(7);
  });

  test("Ctrl-C during a statement ends with 130 and leaves no session behind", async () => {
    const { scratch, database } = await createTarget();
    await using _scratch = scratch;
    await using _database = database;
    await using holder = await database.connect();
    await holder.execute("BEGIN; LOCK TABLE public.user_locations IN ACCESS EXCLUSIVE MODE");
    await using terminal = runInTerminal(["wipe", "--scope", "locations", "--lock-timeout", "600s"], {
      ROOMCTL_DATABASE_URL: scratch.url,
    });
    await waitForSession(database, true);
    terminal.press("C-c");
    expect(await terminal.waitFor("exit: ")).toContain("exit: 130");
    await waitForSession(database, false);
  });
});

async function waitForSession(database: Database, isThere: boolean): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt += 1) {
    const sessions = await database.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'roomctl/wipe' AND wait_event_type = 'Lock'",
    );
    if (sessions.length > 0 === isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`roomctl's session is ${isThere ? "not there" : "still there"}`);
}
