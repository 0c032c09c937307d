/**
 * The one error class and the one exit table.
 *
 * A finding is a result, not an error: `throw` means "could not do the job". Every error says what happened
 * (`message`), why (`cause`) and the command to type next (`hint`).
 */

/** Exit codes of the process, by name. The README's table is held against this one by a test. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  findings: 3,
  refused: 4,
  partial: 5,
  critical: 7,
  unreachable: 10,
  locked: 11,
  schema: 12,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitName = keyof typeof exitCodes;
export type ExitCode = (typeof exitCodes)[ExitName];

/** What each exit code tells a script. */
export const exitMeanings: Record<ExitName, string> = {
  ok: "done, nothing to report",
  failed: "the job could not be done",
  usage: "wrong usage or configuration",
  findings: "ran and found problems",
  refused: "refused by a guard; nothing was changed",
  partial: "partly done; the result lists what is missing",
  critical: "a critical threshold is crossed",
  unreachable: "the database cannot be reached",
  locked: "locked by another run or session",
  schema: "the schema is not as expected",
  interrupted: "interrupted (SIGINT)",
  terminated: "terminated (SIGTERM)",
};

/** Every error code with the exit it leads to. */
export const errorExits = {
  E_USAGE: "usage",
  E_CONFIG: "usage",
  E_NO_DATABASE: "usage",
  E_UNKNOWN_SCOPE: "usage",
  E_UNKNOWN_TABLE: "usage",
  E_UNKNOWN_MIGRATION: "usage",
  E_NO_MIGRATIONS: "usage",
  E_NO_BACKUP: "usage",
  E_CONNECT: "unreachable",
  E_AUTHENTICATION: "unreachable",
  E_NO_SUCH_DATABASE: "unreachable",
  E_CONNECTION_LOST: "unreachable",
  E_UNAVAILABLE: "unreachable",
  E_PRIVILEGE: "failed",
  E_READ_ONLY: "failed",
  E_DISK_FULL: "failed",
  E_SQL: "failed",
  E_FILE: "failed",
  E_EMBEDDED: "failed",
  E_LISTEN: "failed",
  E_MIGRATION_FAILED: "failed",
  E_CONTROL: "failed",
  E_INTERNAL: "failed",
  E_BACKUP_DAMAGED: "findings",
  E_CONFIRM_REQUIRED: "refused",
  E_CONFIRM_MISMATCH: "refused",
  E_CASCADE_REQUIRED: "refused",
  E_PROTECTED: "refused",
  E_GUARD: "refused",
  E_PLAN_STALE: "refused",
  E_NOT_EMPTY: "refused",
  E_LIVE: "refused",
  E_POOLER: "refused",
  E_UNSUPPORTED: "refused",
  E_LOCKED: "locked",
  E_LOCK_TIMEOUT: "locked",
  E_SCHEMA: "schema",
  E_MIGRATION_EDITED: "schema",
  E_MIGRATION_ORDER: "schema",
  E_INTERRUPTED: "interrupted",
  E_TERMINATED: "terminated",
} as const satisfies Record<string, ExitName>;

export type ErrorCode = keyof typeof errorExits;

export interface ErrorDetails {
  /** The exact command or setting that leads out of it. */
  readonly hint?: string;
  /** The error underneath: its message is printed as the "why". */
  readonly cause?: unknown;
}

/** An error that a person can act on. Its `exitCode` follows from its `code`. */
export class RoomctlError extends Error {
  override readonly name = "RoomctlError";
  readonly hint?: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(message, { cause: details.cause });
    this.hint = details.hint;
  }

  get exitCode(): ExitCode {
    return exitCodes[errorExits[this.code]];
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
