import { messageOf, RoomctlError } from "../core/errors.js";
import { isOutOfSpace } from "../db/failure.js";

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
    hint: "give its user the right to write there, or choose another folder with --repo DIR",
  });
}

/** True for what a call of the file system threw; errors of sockets have a port. */
export function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "errno" in error && !("port" in error);
}
