import { type ErrorCode, messageOf, RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { codeOf, sqlstate } from "./sqlstate.js";
import { type DatabaseTarget, formatTarget } from "./target.js";

/** Says in roomctl's words why a connection could not be made. */
export function connectionFailure(error: unknown, target: DatabaseTarget): RoomctlError {
  if (error instanceof RoomctlError) return error;
  const where = formatTarget(target);
  const code = codeOf(error);
  if (/client password must be/.test(messageOf(error))) {
    return new RoomctlError("E_AUTHENTICATION", `PostgreSQL at ${where} asks for a password, and there is none`, {
      hint: "set PGPASSWORD or add a line to ~/.pgpass, then: roomctl doctor",
    });
  }
  switch (code) {
    case sqlstate.invalidPassword:
    case sqlstate.invalidAuthorization:
      return new RoomctlError("E_AUTHENTICATION", `PostgreSQL at ${where} refused the login of ${target.user}`, {
        cause: error,
        hint: "check user and password (URL, PGPASSWORD or ~/.pgpass), then: roomctl doctor",
      });
    case sqlstate.invalidCatalogName:
      return new RoomctlError(
        "E_NO_SUCH_DATABASE",
        `there is no database ${JSON.stringify(target.database)} at ${where}`,
        {
          cause: error,
          hint: `create it with: createdb -h ${target.host} -p ${target.port} ${shellWord(target.database)}`,
        },
      );
    case sqlstate.tooManyConnections:
      return new RoomctlError("E_CONNECT", `PostgreSQL at ${where} has no connection left to give`, {
        cause: error,
        hint: "close other clients or raise max_connections, then try again",
      });
    default:
      return new RoomctlError("E_CONNECT", `cannot reach PostgreSQL at ${where}${code ? ` (${code})` : ""}`, {
        cause: error,
        hint: "start the server or correct --database-url, then: roomctl doctor",
      });
  }
}

/** True when the next entry of `tlsAttempts` may do better: the server has no TLS, or insists on the other kind. */
export function isTlsRefusal(error: unknown, triedTls: boolean): boolean {
  if (triedTls && /server does not support SSL connections/i.test(messageOf(error))) return true;
  return codeOf(error) === sqlstate.invalidAuthorization && /pg_hba\.conf|encryption/i.test(messageOf(error));
}

/**
 * What was thrown first, where clearing up after it failed as well: then JavaScript throws an error of its own about both,
 * and what matters is the one that it calls suppressed.
 */
export function originalOf(error: unknown): unknown {
  const isPair = error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
  return isPair ? originalOf(error.suppressed) : error;
}

/** Turns what a statement or a file operation threw into an error that a person can act on; ours passes through. */
export function statementFailure(thrown: unknown): RoomctlError {
  const error = originalOf(thrown);
  if (error instanceof RoomctlError) return error;
  const explanation = explain(error);
  if (explanation) {
    const { code, message, hint } = explanation;
    return new RoomctlError(code, message(messageOf(error)), { hint, cause: error });
  }
  return isFromServer(error)
    ? new RoomctlError("E_SQL", `PostgreSQL refused a statement: ${describe(error)}`, { hint: sqlHint, cause: error })
    : new RoomctlError("E_INTERNAL", messageOf(error), { hint: internalHint, cause: error });
}

const sqlHint = "nothing of this step was kept; see the statement with --verbose";
const internalHint = "this is a defect of roomctl: run it again with ROOMCTL_DEBUG=1 and report what it prints";

interface Explanation {
  readonly code: ErrorCode;
  readonly message: (why: string) => string;
  readonly hint: string;
}

function explain(error: unknown): Explanation | undefined {
  if (isConnectionLoss(error)) return lostConnection;
  if (isOutOfSpace(error)) return fullDisk;
  return explanations[codeOf(error) ?? ""];
}

const lostConnection: Explanation = {
  code: "E_CONNECTION_LOST",
  message: () => "the connection to PostgreSQL was lost",
  hint: "nothing that was not committed remains; check the server with: roomctl doctor",
};

const fullDisk: Explanation = {
  code: "E_DISK_FULL",
  message: (why) => `no room left to write: ${why}`,
  hint: "free some space or choose another folder, then run it again",
};

const unusableFile: Explanation = {
  code: "E_FILE",
  message: (why) => `cannot use a file or folder: ${why}`,
  hint: "look at its path and rights, or run roomctl in another folder",
};

const explanations: Readonly<Record<string, Explanation>> = {
  [sqlstate.insufficientPrivilege]: {
    code: "E_PRIVILEGE",
    message: (why) => `the database role may not do this: ${why}`,
    hint: "connect as the owner of the tables, or grant the right to the role",
  },
  [sqlstate.readOnlySqlTransaction]: {
    code: "E_READ_ONLY",
    message: () => "the server is read-only for this session",
    hint: "connect to the primary (a standby and default_transaction_read_only refuse writes)",
  },
  [sqlstate.diskFull]: {
    code: "E_DISK_FULL",
    message: () => "the server's disk is full; nothing of this step was kept",
    hint: "free some space on the server, then run it again",
  },
  [sqlstate.lockNotAvailable]: {
    code: "E_LOCK_TIMEOUT",
    message: () => "a lock did not come in time; nothing of this step was kept",
    hint: "find the holder in pg_locks and pg_stat_activity, or wait longer with --lock-timeout 30s",
  },
  EACCES: unusableFile,
  EROFS: unusableFile,
  ENOENT: unusableFile,
  ENOTDIR: unusableFile,
};

/** True when a file here could not grow: the disk is full, or a quota or a limit on file sizes is reached. */
export function isOutOfSpace(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EFBIG"].includes(codeOf(error) ?? "");
}

/** Errors that the server sent carry a severity; those of Node and of this program do not. */
function isFromServer(error: unknown): boolean {
  return typeof error === "object" && error !== null && "severity" in error && codeOf(error) !== undefined;
}

function describe(error: unknown): string {
  const hasDetail = typeof error === "object" && error !== null && "detail" in error && error.detail;
  return `${messageOf(error)}${hasDetail ? ` (${error.detail})` : ""} [${codeOf(error)}]`;
}

const connectionExceptionClass = "08";
const lossCodes: readonly string[] = [
  sqlstate.adminShutdown,
  sqlstate.crashShutdown,
  sqlstate.cannotConnectNow,
  "ECONNRESET",
  "EPIPE",
  "ECONNREFUSED",
  "ECONNABORTED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
];

export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  if (code.startsWith(connectionExceptionClass) || lossCodes.includes(code)) return true;
  return /^Connection terminated|^Client has encountered a connection error|^Client was closed/.test(messageOf(error));
}
