import { RoomctlError } from "../core/errors.js";
import type { TraceRecord } from "../trace/trace.js";
import type { ParsedInput } from "./command.js";
import type { TraceFailure } from "./migrate-trace-gate.js";
import { parseScratch, type ScratchChoice } from "./scratch-options.js";

const failLevels = ["none", "write-lock", "rewrite"] as const;
export type FailLevel = (typeof failLevels)[number];

export interface TraceOptions extends ScratchChoice {
  readonly range: "pending" | "since" | "all";
  readonly since?: string;
  readonly rows: number;
  readonly failOn: FailLevel;
  readonly isOnTarget: boolean;
  readonly confirm: string | true | undefined;
}

export interface TraceResult extends TraceRecord {
  readonly where: "scratch" | "target";
  /** `PostgreSQL 18.4`; null when nothing was to be traced. */
  readonly server: string | null;
  readonly rowsWanted: number;
  /** True when the target's table sizes are known. */
  readonly isSized: boolean;
  readonly failOn: FailLevel;
  /** What --fail-on found. */
  readonly failures: readonly TraceFailure[];
}

const defaultRows = 1000;
const mostRows = 10_000_000;

/** Throws E_USAGE for flags that contradict each other. */
export function parseTrace(input: ParsedInput): TraceOptions {
  const { since, all, onTarget, confirm, scratchUrl, rows } = input.flags;
  const isOnTarget = onTarget === true;
  if (since !== undefined && all === true) throw contradiction("--since and --all", "--all");
  if (isOnTarget && (since !== undefined || all === true)) {
    throw contradiction("--on-target runs what is pending there; --since and --all", "--on-target");
  }
  if (isOnTarget && (scratchUrl !== undefined || rows !== undefined)) {
    throw contradiction("--on-target uses no scratch server; --scratch-url and --rows", "--on-target");
  }
  return {
    ...parseScratch(input),
    range: all === true ? "all" : since === undefined ? "pending" : "since",
    ...(typeof since === "string" ? { since } : {}),
    rows: parseRows(rows),
    failOn: parseLevel(input.flags["failOn"]),
    isOnTarget,
    confirm: typeof confirm === "string" || confirm === true ? confirm : undefined,
  };
}

function contradiction(what: string, choice: string): RoomctlError {
  return new RoomctlError("E_USAGE", `${what} cannot be given together`, { hint: `roomctl migrate trace ${choice}` });
}

function parseRows(text: ParsedInput["flags"][string]): number {
  if (typeof text !== "string") return defaultRows;
  const rows = Number(text);
  if (/^\d+$/.test(text) && rows <= mostRows) return rows;
  throw new RoomctlError("E_USAGE", `--rows is not a number of rows up to ${mostRows}: ${JSON.stringify(text)}`, {
    hint: "write it like --rows 100000, or --rows 0 for empty tables",
  });
}

function parseLevel(text: ParsedInput["flags"][string]): FailLevel {
  const level = failLevels.find((name) => name === (text ?? "none"));
  if (level !== undefined) return level;
  throw new RoomctlError("E_USAGE", `--fail-on is none of ${failLevels.join(", ")}: ${JSON.stringify(text)}`, {
    hint: "roomctl migrate trace --fail-on rewrite",
  });
}
