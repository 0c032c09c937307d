import { RoomctlError } from "../core/errors.js";
import { type Manifest, manifestFile, parseManifest } from "./manifest.js";
import type { Repository, StoredBackup } from "./repository.js";

/**
 * The backup that a person named: an id, the beginning of one, or `latest` for the newest, damaged or not: an older one
 * in its place would be a surprise at the worst moment. Throws E_NO_BACKUP with the ids there are.
 */
export async function findBackup(repository: Repository, wanted: string): Promise<StoredBackup> {
  const ids = await repository.listIds();
  const id = wanted === "latest" ? ids[0] : matchId(ids, wanted);
  if (id !== undefined) return repository.read(id);
  const hint = ids.length === 0 ? "roomctl backup create" : `there are: ${ids.join(", ")}`;
  throw new RoomctlError("E_NO_BACKUP", `${describe(wanted, ids)} in ${repository.location}`, { hint });
}

/** Throws E_BACKUP_DAMAGED. */
export async function readManifest(backup: StoredBackup): Promise<Manifest> {
  const text = await backup.readText(manifestFile).catch((cause: unknown) => {
    throw new RoomctlError("E_BACKUP_DAMAGED", `${manifestFile} is missing or cannot be read`, { cause });
  });
  return parseManifest(text, backup.id);
}

function matchId(ids: readonly string[], wanted: string): string | undefined {
  const matches = ids.filter((id) => id === wanted || (wanted !== "" && id.startsWith(wanted)));
  return matches.length === 1 ? matches[0] : undefined;
}

function describe(wanted: string, ids: readonly string[]): string {
  if (ids.length === 0) return "there is no backup";
  const isAmbiguous = wanted !== "" && ids.some((id) => id.startsWith(wanted));
  return isAmbiguous
    ? `several backups begin with ${JSON.stringify(wanted)}`
    : `there is no backup ${JSON.stringify(wanted)}`;
}
