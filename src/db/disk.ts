import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { originalOf } from "./failure.js";
import { codeOf, sqlstate } from "./sqlstate.js";

/** E_DISK_FULL with disk and folder where that is why something failed on a server that lives in `folder`; else the error itself. */
export function explainFullDisk(error: unknown, folder: string): unknown {
  if (!tellsFullDisk(error)) return error;
  const place = nearestFolder(folder);
  const { bavail, bsize } = statfsSync(place);
  const freeMegabytes = Math.floor((bavail * bsize) / 1_000_000);
  return new RoomctlError(
    "E_DISK_FULL",
    `the disk of the scratch server is full: ${folder} on ${mountOf(place)} (${freeMegabytes} MB are free now)`,
    {
      hint: "free some space there, or put it on another disk with ROOMCTL_STATE_DIR, then run it again",
      cause: error,
    },
  );
}

/** PostgreSQL says it with a SQLSTATE, its programs only in words. */
function tellsFullDisk(error: unknown): boolean {
  const original = originalOf(error);
  if (["ENOSPC", "EDQUOT", sqlstate.diskFull].includes(codeOf(original) ?? "")) return true;
  if (/No space left on device|Disk quota exceeded/i.test(messageOf(original))) return true;
  return original instanceof Error && original.cause !== undefined && tellsFullDisk(original.cause);
}

/** The folder itself may be gone by now. */
function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

function mountOf(folder: string): string {
  const above = dirname(folder);
  return above === folder || statSync(above).dev !== statSync(folder).dev ? folder : mountOf(above);
}
