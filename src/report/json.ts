import { messageOf, type RoomctlError } from "../core/errors.js";
import { redact } from "../core/redact.js";

/** Version of the shape of every JSON answer. Fields may be added under the same number; scripts ignore those they do not know. */
const jsonSchema = "roomctl/1";

export interface JsonAnswer {
  readonly command: string;
  readonly ok: boolean;
  readonly result: object;
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/** The one object that `--json` prints on stdout. */
export function jsonAnswer({ command, ok, result, warnings, durationMs }: JsonAnswer): string {
  return JSON.stringify({ schema: jsonSchema, command, ...result, ok, warnings, durationMs: Math.round(durationMs) });
}

/** The one object that an error becomes on stderr under `--json`, with what the command warned of before. */
export function jsonError(command: string, error: RoomctlError, warnings: readonly string[]): string {
  const { code, message, hint, exitCode } = error;
  const why = error.cause === undefined ? undefined : redact(messageOf(error.cause));
  return JSON.stringify({
    schema: jsonSchema,
    command,
    ok: false,
    error: { code, message: redact(message), why, hint: hint === undefined ? undefined : redact(hint), exitCode },
    warnings: warnings.map(redact),
  });
}
