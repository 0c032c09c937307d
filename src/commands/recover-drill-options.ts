import { randomInt } from "node:crypto";
import { resolve } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { type Nemesis, nemeses } from "../recover/drill-plan.js";
import type { Flag, ParsedInput } from "./command.js";

/** What `recover --drill` was asked for. */
export interface RecoverDrillOptions {
  readonly cycles: number;
  readonly seed: number;
  readonly timeMs: number;
  /** Plant bugs into the server, and expect each to be found within `cycles`. */
  readonly isSelftest: boolean;
  /** Of the selftest; all unless told. */
  readonly bugs: readonly string[] | undefined;
  /** Ways to strike; all unless told. */
  readonly nemeses: readonly Nemesis[] | undefined;
  /** Folder in which histories stay, whatever is found. */
  readonly historyDirectory: string | undefined;
}

export const drillFlags: readonly Flag[] = [
  {
    flags: "--drill",
    description: "Kill the reference server again and again, and prove that nothing promised is lost",
  },
  { flags: "--cycles <count>", description: "Strikes of a drill (default 50); of a selftest, at most for each bug" },
  { flags: "--seed <number>", description: "Repeats a drill's choices (default: a new one, which is told)" },
  { flags: "--minutes <count>", description: "Begin no strike after so long (default: no limit)" },
  { flags: "--selftest", description: "Drill servers with planted bugs: each must be found" },
  { flags: "--nemesis <name>", description: "Strike only in this way (default: in all of them)", isRepeatable: true },
  {
    flags: "--history <folder>",
    description: "Keep the drill's history there; otherwise only that of a drill that found something is kept",
  },
  { flags: "--bug <name>", description: "Only this planted bug, with --selftest", isRepeatable: true },
];

/** Undefined when no drill was asked for. Throws E_USAGE that names the flag. */
export function parseDrillOptions({ flags }: ParsedInput): RecoverDrillOptions | undefined {
  const { cycles, seed, minutes, bug, history } = flags;
  if (flags["drill"] !== true && flags["selftest"] !== true) {
    const alone = Object.entries({ cycles, seed, minutes, bug }).find(([, value]) => value !== undefined)?.[0];
    if (alone === undefined) return undefined;
    throw new RoomctlError("E_USAGE", `--${alone} belongs to a drill`, { hint: "roomctl recover --drill" });
  }
  if (flags["dryRun"] === true || flags["confirm"] !== undefined) {
    throw new RoomctlError(
      "E_USAGE",
      "a drill works on a database of its own: it takes no --dry-run and no --confirm",
      {
        hint: "roomctl recover --drill",
      },
    );
  }
  return {
    cycles: parseCount(cycles, "--cycles", 50),
    seed: parseCount(seed, "--seed", randomInt(1, 1_000_000)),
    timeMs: minutes === undefined ? Number.POSITIVE_INFINITY : parseMinutes(minutes) * 60_000,
    isSelftest: flags["selftest"] === true,
    nemeses: parseNemeses(flags["nemesis"]),
    historyDirectory: typeof history === "string" ? resolve(history) : undefined,
    bugs: Array.isArray(bug) ? bug : undefined,
  };
}

function parseCount(value: unknown, flag: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value === "string" && /^\d{1,9}$/.test(value) && Number(value) > 0) return Number(value);
  throw new RoomctlError("E_USAGE", `${flag} is not a whole number above 0: ${JSON.stringify(value)}`, {
    hint: "roomctl recover --drill --cycles 300 --seed 7",
  });
}

function parseNemeses(names: unknown): readonly Nemesis[] | undefined {
  if (!Array.isArray(names)) return undefined;
  return names.map((name) => {
    const known = nemeses.find((nemesis) => nemesis === name);
    if (known) return known;
    throw new RoomctlError("E_USAGE", `no such nemesis: ${JSON.stringify(name)}`, {
      hint: `one of ${nemeses.join(", ")}`,
    });
  });
}

function parseMinutes(value: unknown): number {
  const minutes = Number(value);
  if (minutes > 0 && minutes <= 100_000) return minutes;
  throw new RoomctlError("E_USAGE", `--minutes is not a number above 0: ${JSON.stringify(value)}`, {
    hint: "roomctl recover --drill --minutes 10",
  });
}
