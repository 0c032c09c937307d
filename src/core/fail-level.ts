import type { Severity } from "./catalogue.js";
import { RoomctlError } from "./errors.js";

/** The lowest severity of a finding that makes a command exit with 3; `none` never does. */
export type FailLevel = Severity | "none";

export const failLevels = ["error", "warning", "info", "none"] as const satisfies readonly FailLevel[];

/** True when a severity is at or above the level. */
export function reachesLevel(severity: Severity, level: FailLevel): boolean {
  return failLevels.indexOf(severity) <= failLevels.indexOf(level) && level !== "none";
}

/** Reads the value of --fail-on; `error` when it was not given. Throws E_USAGE. */
export function parseFailLevel(typed: unknown = "error"): FailLevel {
  const level = failLevels.find((one) => one === typed);
  if (level) return level;
  throw new RoomctlError("E_USAGE", `--fail-on takes no ${JSON.stringify(typed)}`, {
    hint: `use one of ${failLevels.join(", ")}`,
  });
}
