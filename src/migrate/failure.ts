import { type ErrorCode, messageOf, RoomctlError } from "../core/errors.js";
import { statementFailure } from "../db/failure.js";
import { positionsIn } from "../db/position.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { SqlStatement } from "../db/statements.js";
import type { SqlText } from "./layout.js";

/** Why a migration failed, and where in its file. */
export interface MigrationFailure {
  readonly code: ErrorCode;
  readonly migration: string;
  readonly message: string;
  /** PostgreSQL's own words. */
  readonly why: string;
  readonly hint: string;
  readonly path: string;
  /** Of the word that PostgreSQL points at, or else where the statement begins; both from 1. */
  readonly line: number | null;
  readonly column: number | null;
  readonly sqlState: string | null;
  readonly detail: string | null;
}

export interface FailedStatement {
  readonly migration: string;
  readonly file: SqlText;
  /** The statement that was running; absent before the first and after the last. */
  readonly statement?: SqlStatement;
  /** Of that statement, from 1. */
  readonly number?: number;
  /** All statements were done: it failed in the notes about them, or at COMMIT. */
  readonly isFinishing?: boolean;
  /** It was only tried, where nothing of it was to stay. */
  readonly isTrial?: boolean;
  /** Outside of a transaction: how many statements are done and stay. */
  readonly kept?: number;
}

/** What PostgreSQL's error says, in terms of the file. */
export function describeFailure(error: unknown, failed: FailedStatement): MigrationFailure {
  const { migration, file, statement, kept, isFinishing, isTrial } = failed;
  if (error instanceof RoomctlError) return ownFailure(error, failed);
  const place = statement ? locate(error, file, statement) : undefined;
  const known = statementFailure(error);
  const where = `${file.path}${place ? `:${place.line}:${place.column}` : ""}${isFinishing ? " at COMMIT" : ""}`;
  const isLost = isFinishing && known.code === "E_CONNECTION_LOST";
  const detail = textOf(error, "detail");
  return {
    code: ownCodes.has(known.code) ? known.code : "E_MIGRATION_FAILED",
    migration,
    message: `${migration} failed at ${where}; ${isLost ? "whether it was committed is not known" : isTrial ? "it was only tried, and nothing of it stays" : remains(kept)}`,
    why: `${messageOf(error)}${detail === null ? "" : ` (${detail})`}`,
    hint: isLost ? "look with: roomctl migrate status" : hintFor(error, known, isTrial),
    path: file.path,
    line: place?.line ?? null,
    column: place?.column ?? null,
    sqlState: codeOf(error) ?? null,
    detail,
  };
}

/** What Ctrl-C, or whatever else ended a run, found a migration at: nothing of its own failed. */
export function describeInterruption(
  { code }: RoomctlError,
  failed: FailedStatement & { readonly hint: string },
): MigrationFailure {
  const { migration, file, statement, number, kept, isFinishing, hint } = failed;
  const start = statement && positionsIn(file.sql).at(statement.offset);
  const began = start !== undefined || isFinishing === true;
  const where = start
    ? `at ${file.path}:${start.line}:${start.column}`
    : isFinishing
      ? "at COMMIT"
      : "before its first statement";
  const isOpen = isFinishing === true && kept === undefined;
  const left = isOpen ? "whether it was committed is not known" : remains(kept);
  return {
    code,
    migration,
    message: `${code === "E_TERMINATED" ? "terminated" : "interrupted"}: ${migration} stopped ${where}${began ? `; ${left}` : ""}`,
    why: statement ? `statement ${number} was under way: ${firstWords(statement.text)}` : "a signal asked it to stop",
    hint: isOpen ? "look with: roomctl migrate status" : hint,
    path: file.path,
    line: start?.line ?? null,
    column: start?.column ?? null,
    sqlState: null,
    detail: null,
  };
}

function firstWords(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function remains(kept: number | undefined): string {
  if (kept === undefined) return "it was rolled back";
  if (kept === 0) return "it runs outside of a transaction, and nothing of it was done before";
  return `it runs outside of a transaction: ${kept === 1 ? "the statement" : `${kept} statements`} before it stay${kept === 1 ? "s" : ""}, and the next run goes on here`;
}

function ownFailure(error: RoomctlError, { migration, file, statement }: FailedStatement): MigrationFailure {
  const { code, message, hint = "run it again: roomctl migrate" } = error;
  const nowhere = { line: null, column: null, sqlState: null, detail: null };
  return {
    code,
    migration,
    message: `${migration} ${statement ? "failed" : "did not run"}`,
    why: message,
    hint,
    path: file.path,
    ...nowhere,
  };
}

/** Failures that are not the migration's fault, and have an exit code that says so. */
const ownCodes: ReadonlySet<ErrorCode> = new Set(["E_CONNECTION_LOST", "E_LOCK_TIMEOUT", "E_READ_ONLY", "E_DISK_FULL"]);

/** True for what a server lacks (disk, memory, connections) or what breaks in it: the statement itself may well be right. */
export function isServersTrouble(error: unknown): boolean {
  return /^(?:53|58)/.test(codeOf(error) ?? "");
}

function hintFor(error: unknown, known: RoomctlError, isTrial = false): string {
  const fromServer = textOf(error, "hint");
  if (fromServer) return fromServer;
  if (codeOf(error) === sqlstate.activeSqlTransaction || codeOf(error) === sqlstate.invalidTransactionTermination)
    return "this cannot run in a transaction: say so with a line `-- roomctl:no-transaction` at the top of the file";
  if (known.code !== "E_SQL") return known.hint ?? "";
  return isTrial ? "correct the file, then try again" : "correct the file, then run it again: roomctl migrate";
}

function locate(error: unknown, file: SqlText, statement: SqlStatement): { line: number; column: number } {
  const body = bodyLine(error, statement);
  if (body !== undefined) return { line: body, column: 1 };
  const position = Number(textOf(error, "position") ?? 1);
  // PostgreSQL counts characters from 1, JavaScript UTF-16 units from 0.
  const skipped = [...statement.text].slice(0, position - 1).join("");
  return positionsIn(file.sql).at(statement.offset + skipped.length);
}

/** Inside a DO block PostgreSQL gives the line of its body, which begins at the opening dollar quote. */
function bodyLine(error: unknown, statement: SqlStatement): number | undefined {
  const inner = /inline_code_block line (\d+)/.exec(textOf(error, "where") ?? "")?.[1];
  const opening = statement.text.search(/\$\w*\$/);
  if (inner === undefined || opening === -1) return undefined;
  return statement.line + positionsIn(statement.text).at(opening).line - 1 + Number(inner) - 1;
}

function textOf(error: unknown, field: string): string | null {
  const value: unknown = typeof error === "object" && error !== null ? Reflect.get(error, field) : undefined;
  return typeof value === "string" && value !== "" ? value : null;
}
