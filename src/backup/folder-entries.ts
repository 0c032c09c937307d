import { open, readdir } from "node:fs/promises";
import { codeOf } from "../db/sqlstate.js";
import { fileFailure } from "./file-failure.js";

/** Names in the folder of backups; none when there is no such folder yet. Throws E_FILE. */
export async function entries(location: string): Promise<string[]> {
  try {
    return await readdir(location);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw fileFailure(error, location);
  }
}

/** Makes what was renamed in a folder last through a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
