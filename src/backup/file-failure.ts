import { messageOf, RoomctlError } from "../core/errors.js";
import { isConnectionLoss, isOutOfSpace } from "../db/failure.js";

/** Says in roomctl's words why the repository could not be used; what is not the file system's passes through. */
export function fileFailure(error: unknown, location: string): unknown {
  if (!isFileSystemError(error)) return error;
  if (isOutOfSpace(error)) {
    return new RoomctlError("E_DISK_FULL", `no room left in the backup folder ${location}`, {
      cause: error,
      hint: "free some space, or choose another folder with --repo DIR",
    });
  }
  return new RoomctlError("E_FILE", `cannot use the backup folder ${location}: ${messageOf(error)}`, {
    cause: error,
    hint: isNoFolder(error)
      ? "it is a file: choose a folder with --repo DIR"
      : "give its user the right to write there, or choose another folder with --repo DIR",
  });
}

function isNoFolder(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOTDIR" || error.code === "EEXIST");
}

/** True for what a call of the file system threw; errors of sockets have a port, or say that the other side is gone. */
export function isFileSystemError(error: unknown): boolean {
  const isSystemError = error instanceof Error && "syscall" in error && "errno" in error;
  return isSystemError && !("port" in error) && !isConnectionLoss(error);
}
