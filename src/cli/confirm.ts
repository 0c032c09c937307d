import type { ConfirmRequest } from "../commands/command.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { isForDevelopment, readMarker } from "../db/marker.js";
import type { Database } from "../db/pool.js";

export interface Prompter {
  /** A terminal to ask on, and nobody forbade it. */
  readonly canAsk: boolean;
  /** Shows the lines, asks for a text, returns what was typed. */
  ask(lines: readonly string[], question: string): Promise<string>;
}

/**
 * Consent to a destructive plan. `--confirm=NAME` must be the database's name as the server says it. A bare `--confirm`
 * asks for the name on a terminal; without one it counts only where the database itself is marked as development, and
 * somebody said so or the server is this machine. There is no default and no other way to say yes.
 * Throws E_CONFIRM_REQUIRED or E_CONFIRM_MISMATCH.
 */
export async function confirmPlan(request: ConfirmRequest, prompter: Prompter): Promise<void> {
  const [row] = await request.database.query<{ name: string }>("SELECT current_database() AS name");
  const name = row?.name ?? "";
  const command = `${request.command} --confirm=${shellWord(name)}`;
  if (typeof request.given === "string") return requireName(request.given, name, command);
  if (prompter.canAsk) {
    const typed = await prompter.ask(
      request.lines,
      `Type the name of the database to go on (${JSON.stringify(name)}):`,
    );
    // A name may begin or end with blanks, and so may what a hurried hand types.
    return requireName(typed === name ? typed : typed.trim(), name, command);
  }
  const refusal = request.given === undefined ? "this needs consent" : await whyBareIsNotEnough(request.database, name);
  if (refusal === undefined) return;
  throw new RoomctlError("E_CONFIRM_REQUIRED", `nothing was changed: ${refusal}, and there is no terminal to ask on`, {
    hint: command,
  });
}

async function whyBareIsNotEnough(database: Database, name: string): Promise<string | undefined> {
  const marker = await readMarker(database);
  if (await isForDevelopment(database, marker)) return undefined;
  const which = `the database ${JSON.stringify(name)}`;
  if (!marker) return `${which} is not marked as development`;
  if (marker.environment !== "development") return `${which} is marked ${marker.environment}`;
  return `nobody said that ${which} is for development, which its first migrate assumed, and it is not on this machine (to say so for good: roomctl config mark development)`;
}

function requireName(typed: string, name: string, command: string): void {
  if (typed === name) return;
  throw new RoomctlError(
    "E_CONFIRM_MISMATCH",
    `nothing was changed: this database is ${JSON.stringify(name)}, not ${JSON.stringify(typed)}`,
    { hint: command },
  );
}
