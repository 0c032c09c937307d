import { expect, test } from "vitest";
import { confirmPlan, type Prompter } from "../../src/cli/confirm.js";
import { type Environment, writeMarker } from "../../src/db/marker.js";
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

interface Case {
  readonly marker?: Environment;
  readonly given: string | true | undefined;
  readonly prompter: Prompter;
  readonly code: string | undefined;
}

const name = "it's an app";

test.each<Case & { readonly what: string }>([
  { what: "the right name", given: name, prompter: noTerminal, marker: "production", code: undefined },
  { what: "a wrong name", given: "other", prompter: noTerminal, marker: "development", code: "E_CONFIRM_MISMATCH" },
  { what: "a bare flag on development", given: true, prompter: noTerminal, marker: "development", code: undefined },
  { what: "a bare flag on staging", given: true, prompter: noTerminal, marker: "staging", code: "E_CONFIRM_REQUIRED" },
  {
    what: "a bare flag on production",
    given: true,
    prompter: noTerminal,
    marker: "production",
    code: "E_CONFIRM_REQUIRED",
  },
  { what: "a bare flag on an unmarked database", given: true, prompter: noTerminal, code: "E_CONFIRM_REQUIRED" },
  { what: "no flag", given: undefined, prompter: noTerminal, marker: "development", code: "E_CONFIRM_REQUIRED" },
  { what: "the name typed on a terminal", given: true, prompter: terminalWhereOneTypes(name), code: undefined },
  {
    what: "yes typed on a terminal",
    given: true,
    prompter: terminalWhereOneTypes("yes"),
    marker: "development",
    code: "E_CONFIRM_MISMATCH",
  },
  {
    what: "nothing typed on a terminal",
    given: true,
    prompter: terminalWhereOneTypes(""),
    marker: "development",
    code: "E_CONFIRM_MISMATCH",
  },
])("consent by $what: $code", async ({ given, prompter, marker, code }) => {
  await using scratch = await createScratchDatabase({ name });
  await using database = await scratch.open();
  if (marker) {
    await using connection = await database.connect();
    await writeMarker(connection, marker);
  }
  const consent = confirmPlan({ database, given, command: "roomctl wipe", lines: [] }, prompter);
  if (code === undefined) await expect(consent).resolves.toBeUndefined();
  else await expect(consent).rejects.toMatchObject({ code, hint: "roomctl wipe --confirm='it'\\''s an app'" });
});
