import { manifestFile, manifestFormat } from "./manifest.js";
import type { StoredBackup } from "./repository.js";

/** True for a backup of a later roomctl. That this one cannot read it is no damage: it must not count as such. */
export async function isOfNewerFormat(backup: StoredBackup): Promise<boolean> {
  try {
    const manifest: unknown = JSON.parse(await backup.readText(manifestFile));
    if (typeof manifest !== "object" || manifest === null || !("formatVersion" in manifest)) return false;
    return typeof manifest.formatVersion === "number" && manifest.formatVersion > manifestFormat;
  } catch {
    // No manifest, or none that can be read: of no format at all.
    return false;
  }
}
