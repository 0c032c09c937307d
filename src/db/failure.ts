import { messageOf, RoomctlError } from "../core/errors.js";
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

/** Turns what a statement threw into an error that a person can act on; anything already ours passes through. */
export function statementFailure(error: unknown, target?: DatabaseTarget): RoomctlError {
  if (error instanceof RoomctlError) return error;
  const code = codeOf(error);
  const where = target ? ` at ${formatTarget(target)}` : "";
  if (isConnectionLoss(error)) {
    return new RoomctlError("E_CONNECTION_LOST", `the connection to PostgreSQL${where} was lost`, {
      cause: error,
      hint: "nothing that was not committed remains; check the server with: roomctl doctor",
    });
  }
  if (isOutOfSpace(error)) {
    return new RoomctlError("E_DISK_FULL", `no room left to write: ${messageOf(error)}`, {
      cause: error,
      hint: "free some space or choose another folder, then run it again",
    });
  }
  switch (code) {
    case sqlstate.insufficientPrivilege:
      return new RoomctlError("E_PRIVILEGE", `the database role may not do this: ${messageOf(error)}`, {
        cause: error,
        hint: `connect as the owner of the tables, or grant the right${target ? ` to ${target.user}` : ""}`,
      });
    case sqlstate.readOnlySqlTransaction:
      return new RoomctlError("E_READ_ONLY", `the server${where} is read-only`, {
        cause: error,
        hint: "connect to the primary (a standby and default_transaction_read_only refuse writes)",
      });
    case sqlstate.diskFull:
      return new RoomctlError("E_DISK_FULL", "the server's disk is full; nothing of this step was kept", {
        cause: error,
      });
    case sqlstate.lockNotAvailable:
      return new RoomctlError("E_LOCK_TIMEOUT", "a lock did not come in time; nothing of this step was kept", {
        cause: error,
        hint: "find the holder in pg_locks and pg_stat_activity, or wait longer with --lock-timeout 30s",
      });
    case "EACCES":
    case "EROFS":
    case "ENOENT":
    case "ENOTDIR":
      return new RoomctlError("E_FILE", `cannot use a file or folder: ${messageOf(error)}`, {
        cause: error,
        hint: "look at its path and rights, or run roomctl in another folder",
      });
    default:
      return isFromServer(error)
        ? new RoomctlError("E_SQL", `PostgreSQL refused a statement: ${describe(error)}`, { cause: error })
        : new RoomctlError("E_INTERNAL", messageOf(error), { cause: error });
  }
}

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

function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  if (code.startsWith("08") || /^(57P0[123]|ECONNRESET|EPIPE|ECONNREFUSED)$/.test(code)) return true;
  return /^Connection terminated|^Client has encountered a connection error|^Client was closed/.test(messageOf(error));
}
