import { randomBytes } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../db/sqlstate.js";
import { fileFailure } from "./file-failure.js";
import { syncFolder } from "./folder-entries.js";

/** Of a mark that is being written. It lies beside the backup, where a crash leaves no stray file in one. */
export const unfinishedMark = ".mark";

/** Writes a file of a backup's folder in one step. Throws E_FILE, E_DISK_FULL. */
export async function writeMark(folder: string, name: string, text: string): Promise<void> {
  const draft = `${folder}.${randomBytes(6).toString("hex")}${unfinishedMark}`;
  try {
    await writeFile(draft, text, { mode: 0o600, flag: "wx", flush: true });
    await rename(draft, join(folder, name));
    await syncFolder(folder);
  } catch (error) {
    await rm(draft, { force: true });
    throw fileFailure(error, dirname(folder));
  }
}

/** False when there was none. Throws E_FILE. */
export async function removeMark(folder: string, name: string): Promise<boolean> {
  try {
    await rm(join(folder, name));
    await syncFolder(folder);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw fileFailure(error, dirname(folder));
  }
}
