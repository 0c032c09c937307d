import type { GuardRules, RecoveryDefinition } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";

/**
 * Words of the guards. A guard *looks*, and *refuses* when it saw a reason not to delete. Its *cure* takes the reason
 * away; an operator who cannot wait for that *steps over* the guard by its name, which is written down.
 */
const guardNames = [
  "protected-host",
  "protected-table",
  "live-rooms",
  "clients",
  "running-backup",
  "running-migration",
] as const;
export type GuardName = (typeof guardNames)[number];

export interface GuardRequest {
  /** Every table that loses rows or values, as SQL needs its name; a partitioned one stands for its partitions. */
  readonly tables: readonly string[];
  /** What was configured. What the server says of itself the guards ask it. */
  readonly host: { readonly host: string; readonly port: number };
  readonly rules: GuardRules | undefined;
  /** Says which servers of the app are alive; without it nobody knows. */
  readonly recovery?: RecoveryDefinition | undefined;
  /** Guards to step over, as typed after --allow. */
  readonly allowed: readonly string[];
  /** The command to repeat, without consent and without --allow: `roomctl wipe --scope rooms`. */
  readonly command: string;
  /** A moment to judge heartbeats by; the database's own time unless told. */
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

export interface GuardLook {
  readonly guard: GuardName;
  /** For people: `1 server of the app is alive (…)`. */
  readonly saw: string;
  /** Absent when it saw no reason. */
  readonly refusal?: GuardRefusal;
}

interface GuardRefusal {
  /** What takes the reason away, as sentences or commands to type. */
  readonly cures: readonly string[];
  /** `--allow` does not help here. */
  readonly isFinal: boolean;
}

/** Throws E_USAGE for a word that is no guard's name. */
export function assertGuardNames(words: readonly string[]): void {
  const unknown = words.find((word) => !guardNames.some((name) => name === word));
  if (unknown === undefined) return;
  throw new RoomctlError("E_USAGE", `--allow: there is no guard ${JSON.stringify(unknown)}`, {
    hint: `use one of ${guardNames.join(", ")}`,
  });
}

/** What all refusals together mean: which guard, what it saw, and the way past. */
export function guardError(refused: readonly GuardLook[], request: GuardRequest): RoomctlError {
  const lines = refused.map(({ guard, saw }) => `${guard}: ${saw}`);
  const [only] = lines;
  const message =
    lines.length === 1 && only !== undefined
      ? `nothing was changed: ${only}`
      : [`nothing was changed: ${lines.length} guards refuse`, ...lines].join("\n");
  return new RoomctlError("E_GUARD", message, { hint: hintFor(refused, request) });
}

/** One cure alone may be a command, and must then stay one: what chose the database is added at its end. */
function hintFor(refused: readonly GuardLook[], { command, allowed }: GuardRequest): string {
  const cures = [...new Set(refused.flatMap(({ refusal }) => refusal?.cures ?? []))];
  const isFinal = refused.some(({ refusal }) => refusal?.isFinal);
  const names = [...new Set([...allowed, ...refused.map(({ guard }) => guard)])];
  const past = [command, ...names.map((name) => `--allow ${shellWord(name)}`)].join(" ");
  if (isFinal) return cures.length === 1 ? (cures[0] ?? "") : `all of: ${cures.join("; ")}`;
  return `${cures.join("; ")}; or, if it may be: ${past}`;
}
