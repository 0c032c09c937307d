import { join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { makeFolder } from "../core/make-folder.js";
import { type FileLockOptions, type HeldFileLock, withFileLock } from "../db/directory-lock.js";
import { fileFailure } from "./file-failure.js";

export type { HeldFileLock };

/**
 * Runs `work` while this process is the one that changes the repository: `backup create` and `backup prune`. Commands that
 * only read never take it. A crash cannot leave it stuck. Throws E_LOCKED, naming the holder, after `waitMs`; E_FILE,
 * E_DISK_FULL.
 */
export async function withRepositoryLock<T>(
  location: string,
  options: FileLockOptions,
  work: (lock: HeldFileLock) => Promise<T>,
): Promise<T> {
  let isTaken = false;
  try {
    makeFolder(location, 0o700);
    return await withFileLock(join(location, "lock"), options, (lock) => {
      isTaken = true;
      return work(lock);
    });
  } catch (error) {
    throw isTaken ? error : lockFailure(error, location);
  }
}

function lockFailure(error: unknown, location: string): unknown {
  if (!(error instanceof RoomctlError) || error.code !== "E_LOCKED") return fileFailure(error, location);
  return new RoomctlError("E_LOCKED", `the backup folder is in use: ${error.message}`, {
    hint: "wait for the other run to end, or give it more time with --lock-wait 10m",
  });
}
