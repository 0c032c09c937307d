import { existsSync } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { fileFailure, isFileSystemError } from "./file-failure.js";
import { entries, syncFolder } from "./folder-entries.js";
import { unfinishedMark } from "./folder-mark.js";
import { isBackupId } from "./id.js";
import { pinnedMark } from "./marks.js";

/** Ends the name of a folder that was a backup: no command sees it as one. */
const removed = ".removed";
/** A mark is written within moments; an older one was left by a run that was killed. */
const unfinishedForMs = 3_600_000;

/**
 * Renames the folder, which takes the backup away in one step, then deletes it. A pin may come up to that step, and is
 * looked for after it. Throws E_FILE.
 */
export async function removeFolder(location: string, id: string): Promise<"removed" | "pinned"> {
  const [folder, gone] = [join(location, id), join(location, id + removed)];
  try {
    await rename(folder, gone);
    if (existsSync(join(gone, pinnedMark))) {
      await rename(gone, folder);
      return "pinned";
    }
    // Deleted before the name is on disk, a power cut could bring back a backup without some of its files.
    await syncFolder(location);
  } catch (error) {
    throw fileFailure(error, location);
  }
  try {
    await rm(gone, { recursive: true, force: true });
  } catch (error) {
    if (!isFileSystemError(error)) throw error;
    throw new RoomctlError("E_FILE", `${id} is no backup any more, but files of it are left: ${messageOf(error)}`, {
      cause: error,
      hint: `give its user the right to remove ${gone}; the next prune tries again`,
    });
  }
  return "removed";
}

/** Finishes what killed runs began, and says what. What cannot be removed now is left for the next run. */
export async function sweepRemoved(location: string, now: Date): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await entries(location)) {
    const id = name.slice(0, -removed.length);
    const isRemoved = name.endsWith(removed) && isBackupId(id);
    const isMark = name.endsWith(unfinishedMark) && isBackupId(name.split(".")[0] ?? "");
    if (!isRemoved && !isMark) continue;
    const path = join(location, name);
    const sweep = isRemoved ? finishRemoval(path, join(location, id)) : dropMark(path, now);
    if (await sweep.catch(falseWhenHeld)) swept.push(name);
  }
  return swept;
}

async function finishRemoval(gone: string, folder: string): Promise<boolean> {
  // Killed between the step and its second look: the pin came first.
  if (existsSync(join(gone, pinnedMark))) await rename(gone, folder);
  else await rm(gone, { recursive: true, force: true });
  return true;
}

async function dropMark(path: string, now: Date): Promise<boolean> {
  if (now.getTime() - (await stat(path)).mtimeMs < unfinishedForMs) return false;
  await rm(path, { force: true });
  return true;
}

/** What the file system refused is left as it is; other errors are thrown. */
export function falseWhenHeld(error: unknown): false {
  if (isFileSystemError(error)) return false;
  throw error;
}
