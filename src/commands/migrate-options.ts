import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import type { CommandContext, Flag, ParsedInput } from "./command.js";

/** Which migrations a run is about; the shape of `PlanRange` in `migrate/plan.ts`. */
export interface RangeOptions {
  readonly to?: string;
  readonly count?: number;
}

/** The shape of `UpRange` there. */
export interface UpRangeOptions extends RangeOptions {
  readonly allowOutOfOrder: boolean;
}

export const outOfOrderFlag: Flag = {
  flags: "--allow-out-of-order",
  description: "Apply a migration although one after it is already applied",
};

export const fakeFlag: Flag = {
  flags: "--fake",
  description: "Only record it, and run nothing: for what was done by hand",
};

export const directoryFlag: Flag = {
  flags: "--dir <dir>",
  description: "Folder of the migrations (default: the configuration's, or the reference app's)",
};

/** Reads --to and --count. Throws E_USAGE. */
export function parseRange({ flags }: ParsedInput): RangeOptions {
  const { to, count } = flags;
  return {
    ...(typeof to === "string" ? { to } : {}),
    ...(typeof count === "string" ? { count: parseCount(count) } : {}),
  };
}

/** Reads --allow-out-of-order as well. Throws E_USAGE. */
export function parseUpRange(input: ParsedInput): UpRangeOptions {
  return { ...parseRange(input), allowOutOfOrder: input.flags["allowOutOfOrder"] === true };
}

/** The range and the folder as they would be typed again: ` --count 2`. */
export function rangeWords({ to, count }: RangeOptions, { settings }: CommandContext): string {
  const { value, origin } = settings.migrationsDirectory;
  return [
    ...(to === undefined ? [] : [` --to ${shellWord(to)}`]),
    ...(count === undefined ? [] : [` --count ${count}`]),
    ...(origin.startsWith("flag") ? [` --dir ${shellWord(value)}`] : []),
  ].join("");
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count > 0 && Number.isSafeInteger(count)) return count;
  throw new RoomctlError("E_USAGE", `--count is not a number of migrations: ${JSON.stringify(text)}`, {
    hint: "write it like --count 1",
  });
}
