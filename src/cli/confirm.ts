import type { ConfirmRequest } from "../commands/command.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { readMarker } from "../db/marker.js";

export interface Prompter {
  /** A terminal to ask on, and nobody forbade it. */
  readonly canAsk: boolean;
  /** Shows the lines, asks for a text, returns what was typed. */
  ask(lines: readonly string[], question: string): Promise<string>;
}

/**
 * Consent to a destructive plan. `--confirm=NAME` must be the database's name as the server says it. A bare `--confirm`
 * asks for the name on a terminal; without one it counts only where the database itself is marked as development.
 * There is no default and no other way to say yes. Throws E_CONFIRM_REQUIRED or E_CONFIRM_MISMATCH.
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
    return requireName(typed.trim(), name, command);
  }
  const marker = await readMarker(request.database);
  if (request.given === true && marker?.environment === "development") return;
  const why =
    request.given === undefined
      ? "this needs consent"
      : `the database ${JSON.stringify(name)} is ${marker ? `marked ${marker.environment}` : "not marked as development"}`;
  throw new RoomctlError("E_CONFIRM_REQUIRED", `nothing was changed: ${why}, and there is no terminal to ask on`, {
    hint: command,
  });
}

function requireName(typed: string, name: string, command: string): void {
  if (typed === name) return;
  throw new RoomctlError(
    "E_CONFIRM_MISMATCH",
    `nothing was changed: this database is ${JSON.stringify(name)}, not ${JSON.stringify(typed)}`,
    { hint: command },
  );
}
