import { describe, expect, test } from "vitest";
import { confirmPlan, type Prompter } from "../../src/cli/confirm.js";
import { type Environment, type MarkerOrigin, readMarker, writeMarker } from "../../src/db/marker.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { isOnThisMachine } from "../../src/db/this-machine.js";
import { withTransaction } from "../../src/db/transaction.js";
import { openTunnel } from "../support/guards.js";
import { createScratchDatabase } from "../support/postgres.js";

const noTerminal: Prompter = {
  canAsk: false,
  ask: async () => {
    throw new Error("asked without a terminal");
  },
};

function terminalWhereOneTypes(typed: string): Prompter {
  return { canAsk: true, ask: async () => typed };
}

const name = "it's an app";
const command = "roomctl wipe";

async function outcome(database: Database, given: string | true | undefined, prompter: Prompter): Promise<string> {
  const consent = confirmPlan({ database, given, command, lines: [] }, prompter);
  try {
    await consent;
    return "goes on";
  } catch (error) {
    expect(error).toMatchObject({ exitCode: 4, hint: "roomctl wipe --confirm='it'\\''s an app'" });
    return (error as { code: string }).code;
  }
}

interface MarkerCase {
  readonly what: string;
  readonly marker?: readonly [Environment, MarkerOrigin];
  readonly isElsewhere?: true;
  readonly bareWithoutTerminal: "goes on" | "E_CONFIRM_REQUIRED";
}

describe.each<MarkerCase>([
  { what: "said to be for development", marker: ["development", "said"], bareWithoutTerminal: "goes on" },
  {
    what: "said to be for development, elsewhere",
    marker: ["development", "said"],
    isElsewhere: true,
    bareWithoutTerminal: "goes on",
  },
  {
    what: "assumed to be for development, on this machine",
    marker: ["development", "assumed"],
    bareWithoutTerminal: "goes on",
  },
  {
    what: "assumed to be for development, elsewhere",
    marker: ["development", "assumed"],
    isElsewhere: true,
    bareWithoutTerminal: "E_CONFIRM_REQUIRED",
  },
  { what: "for staging", marker: ["staging", "said"], bareWithoutTerminal: "E_CONFIRM_REQUIRED" },
  { what: "for production", marker: ["production", "said"], bareWithoutTerminal: "E_CONFIRM_REQUIRED" },
  { what: "not marked", bareWithoutTerminal: "E_CONFIRM_REQUIRED" },
])("a database $what", ({ marker, isElsewhere, bareWithoutTerminal }) => {
  test("asks for as much consent as it should, on a terminal and without one", async () => {
    await using scratch = await createScratchDatabase({ name });
    await using tunnel = await openTunnel(scratch.target);
    await using database = await openDatabase(isElsewhere ? { ...scratch.target, port: tunnel.port } : scratch.target);
    if (marker) await withTransaction(database, {}, (connection) => writeMarker(connection, ...marker));
    const without = (given: string | true | undefined) => outcome(database, given, noTerminal);
    expect({
      nothing: await without(undefined),
      bare: await without(true),
      right: await without(name),
      wrong: await without("it's an apple"),
      empty: await without(""),
      yes: await without("yes"),
      capitals: await without("It's an app"),
    }).toEqual({
      nothing: "E_CONFIRM_REQUIRED",
      bare: bareWithoutTerminal,
      right: "goes on",
      wrong: "E_CONFIRM_MISMATCH",
      empty: "E_CONFIRM_MISMATCH",
      yes: "E_CONFIRM_MISMATCH",
      capitals: "E_CONFIRM_MISMATCH",
    });
    const asked = (given: string | true | undefined, typed: string) =>
      outcome(database, given, terminalWhereOneTypes(typed));
    expect({
      nothing: await asked(undefined, name),
      bare: await asked(true, name),
      blanks: await asked(true, `  ${name} `),
      wrong: await asked(true, "other"),
      yes: await asked(true, "yes"),
      empty: await asked(true, ""),
      // A name that was given is not asked for again, and a wrong one not corrected.
      right: await asked(name, "never asked"),
      given: await asked("other", name),
    }).toEqual({
      nothing: "goes on",
      bare: "goes on",
      blanks: "goes on",
      wrong: "E_CONFIRM_MISMATCH",
      yes: "E_CONFIRM_MISMATCH",
      empty: "E_CONFIRM_MISMATCH",
      right: "goes on",
      given: "E_CONFIRM_MISMATCH",
    });
  });
});

test("the refusal of an assumption names the command that says it for good", async () => {
  await using scratch = await createScratchDatabase();
  await using tunnel = await openTunnel(scratch.target);
  await using database = await openDatabase({ ...scratch.target, host: "localhost", port: tunnel.port });
  await withTransaction(database, {}, (connection) => writeMarker(connection, "development", "assumed"));
  await expect(confirmPlan({ database, given: true, command, lines: [] }, noTerminal)).rejects.toMatchObject({
    code: "E_CONFIRM_REQUIRED",
    message: expect.stringContaining("roomctl config mark development"),
  });
});

test("a name that begins and ends with blanks can be typed, and given", async () => {
  await using scratch = await createScratchDatabase({ name: ` blank ${"é"} ` });
  await using database = await scratch.open();
  const request = { database, command, lines: [] };
  await confirmPlan({ ...request, given: true }, terminalWhereOneTypes(" blank é "));
  await confirmPlan({ ...request, given: " blank é " }, noTerminal);
  await expect(confirmPlan({ ...request, given: "blank é" }, noTerminal)).rejects.toMatchObject({
    code: "E_CONFIRM_MISMATCH",
  });
});

test("a server on this machine is known by both ends of the connection, so that a tunnel is not taken for one", async () => {
  await using scratch = await createScratchDatabase();
  await using tunnel = await openTunnel(scratch.target);
  for (const [target, isHere] of [
    [scratch.target, true],
    [{ ...scratch.target, host: "localhost" }, true],
    [{ ...scratch.target, port: tunnel.port }, false],
  ] as const) {
    await using database = await openDatabase(target);
    await using connection = await database.connect();
    expect(await isOnThisMachine(connection)).toBe(isHere);
  }
});

test("a marker that an older release wrote was said", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(
    `CREATE SCHEMA roomctl;
     CREATE TABLE roomctl.marker (singleton boolean PRIMARY KEY DEFAULT true, environment text NOT NULL,
       marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL DEFAULT session_user);
     INSERT INTO roomctl.marker (environment) VALUES ('development')`,
  );
  expect(await readMarker(database)).toMatchObject({ environment: "development", origin: "said" });
  await withTransaction(database, {}, (connection) => writeMarker(connection, "development", "assumed"));
  expect(await readMarker(database)).toMatchObject({ environment: "development", origin: "assumed" });
});
