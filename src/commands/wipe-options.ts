import { parseDurationMs } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import type { RowConditions } from "../wipe/rows-choice.js";
import { wipeCommand } from "../wipe/stale.js";
import type { Flag, ParsedInput } from "./command.js";
import { allowFlag } from "./guarding.js";

export interface WipeOptions {
  readonly scopes: readonly string[];
  /** Tables that are named themselves, in a scope or not. */
  readonly tables: readonly string[];
  /** Undefined when whole tables go. */
  readonly rows: RowConditions | undefined;
  /** Rows of one transaction of a wipe in batches. */
  readonly batch: number | undefined;
  /** `true` for a bare --confirm, else the name that was typed. */
  readonly confirm: string | true | undefined;
  readonly token: string | undefined;
  readonly acceptsCascade: boolean;
  /** Guards that the operator steps over, by name. */
  readonly allowed: readonly string[];
  readonly isEstimate: boolean;
  readonly isFresh: boolean;
  readonly isDryRun: boolean;
  readonly takesBackup: boolean;
}

export const wipeFlags: readonly Flag[] = [
  {
    flags: "--scope <name>",
    description: "A scope to wipe; may be repeated (default: all; list them with: roomctl wipe scopes)",
    isRepeatable: true,
  },
  { flags: "--table <table>", description: "A table to wipe, in a scope or not; may be repeated", isRepeatable: true },
  { flags: "--older-than <period>", description: "Only rows older than 30d, 12h, …, by the age column of their table" },
  { flags: "--where <condition>", description: "Only rows for which this SQL condition holds in each chosen table" },
  { flags: "--room <id>", description: "Only the rows of this room" },
  { flags: "--user <id>", description: "Only this user, with all that foreign keys delete with them" },
  { flags: "--test-users <pattern>", description: "Only users whose name or e-mail is LIKE this: '%@example.com'" },
  {
    flags: "--batch <rows>",
    description: "Delete so many rows a transaction, for large amounts (default: all in one)",
  },
  {
    flags: "--confirm [database]",
    description: "Consent: asks for the database's name on a terminal; give the name where there is none",
    isConsent: true,
  },
  {
    flags: "--plan <token>",
    description: "Consent to exactly the plan of this token, and no other",
    isConsent: true,
  },
  {
    flags: "--cascade",
    description: "Accept that rows beyond the choice are deleted where foreign keys demand it",
    isConsent: true,
  },
  allowFlag,
  {
    flags: "--estimate",
    description: "Show the plan with the server's estimates instead of counting; it cannot be applied",
  },
  {
    flags: "--fresh",
    description: "For development: wipe everything, migrate, and insert the demonstration data",
  },
  { flags: "--dry-run", description: "Show the plan and change nothing, whatever else is given" },
  { flags: "--no-backup", description: "Take no backup before: nothing keeps what goes then", isConsent: true },
  { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
];

/** Reads the flags. Throws E_USAGE for words, periods and numbers that are none, and for flags that exclude each other. */
export function parseWipe({ words, flags }: ParsedInput): WipeOptions {
  const [word] = words;
  if (word !== undefined) {
    throw new RoomctlError("E_USAGE", `scopes are given with --scope, not as ${JSON.stringify(word)}`, {
      hint: wipeCommand(words),
    });
  }
  const { confirm, plan } = flags;
  const options: WipeOptions = {
    scopes: listOf(flags["scope"]),
    tables: listOf(flags["table"]),
    rows: parseRows(flags),
    batch: parseBatch(flags["batch"]),
    confirm: typeof confirm === "string" || confirm === true ? confirm : undefined,
    token: typeof plan === "string" ? plan : undefined,
    acceptsCascade: flags["cascade"] === true,
    allowed: listOf(flags["allow"]),
    isEstimate: flags["estimate"] === true,
    isFresh: flags["fresh"] === true,
    isDryRun: flags["dryRun"] === true,
    takesBackup: flags["backup"] !== false,
  };
  refuseContradiction(options);
  return options;
}

type Flags = ParsedInput["flags"];

function parseRows(flags: Flags): RowConditions | undefined {
  const { olderThan, where } = flags;
  const subjects = (["room", "user", "test-users"] as const).flatMap((name) => {
    const value = flags[name === "test-users" ? "testUsers" : name];
    return typeof value === "string" ? [{ name, value }] : [];
  });
  const [subject, second] = subjects;
  if (subject && second) throw contradiction(`--${subject.name}`, `--${second.name}`);
  if (typeof olderThan !== "string" && typeof where !== "string" && !subject) return undefined;
  return {
    ...(typeof olderThan === "string"
      ? { olderThan: { text: olderThan, ms: parseDurationMs(olderThan, "--older-than") } }
      : {}),
    ...(typeof where === "string" ? { where } : {}),
    ...(subject ? { subject } : {}),
  };
}

function parseBatch(given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const rows = Number(given);
  if (Number.isInteger(rows) && rows > 0 && rows <= 1_000_000) return rows;
  throw new RoomctlError("E_USAGE", `--batch is not a number of rows from 1 to 1,000,000: ${JSON.stringify(given)}`, {
    hint: "roomctl wipe --older-than 30d --batch 10000",
  });
}

function refuseContradiction({ isFresh, isEstimate, rows, batch, scopes, tables, confirm, token }: WipeOptions): void {
  const chosen = [
    ...(scopes.length > 0 ? ["--scope"] : []),
    ...(tables.length > 0 ? ["--table"] : []),
    ...(rows ? ["a choice of rows"] : []),
  ];
  if (isFresh && chosen[0]) throw contradiction("--fresh", chosen[0]);
  if (rows?.subject && (scopes.length > 0 || tables.length > 0)) {
    throw contradiction(`--${rows.subject.name}`, scopes.length > 0 ? "--scope" : "--table");
  }
  if (batch !== undefined && !rows) throw contradiction("--batch", "a wipe of whole tables");
  if (isEstimate && rows) throw contradiction("--estimate", "a choice of rows");
  if (isEstimate && confirm !== undefined) throw contradiction("--estimate", "--confirm");
  if (isEstimate && token !== undefined) throw contradiction("--estimate", "--plan");
}

function contradiction(one: string, other: string): RoomctlError {
  return new RoomctlError("E_USAGE", `${one} and ${other} do not go together`, { hint: "roomctl wipe --help" });
}

function listOf(given: Flags[string]): readonly string[] {
  return Array.isArray(given) ? given : [];
}
