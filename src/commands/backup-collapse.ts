import { type AnomalyFinding, findAnomalies } from "../backup/anomaly.js";
import { readManifest } from "../backup/find.js";
import type { Manifest } from "../backup/manifest.js";
import { openRepository } from "../backup/repository.js";
import { RoomctlError } from "../core/errors.js";

/**
 * What a new backup has much less of than the whole one before it, of the same database. Nothing when there is none to
 * compare with, or when the new one is of chosen tables.
 */
export async function findCollapse(location: string, id: string): Promise<readonly AnomalyFinding[]> {
  const repository = openRepository(location);
  const current = await readManifest(repository.read(id));
  if (!current.isWhole) return [];
  for (const other of await repository.listIds()) {
    if (other === id) continue;
    const previous = await readManifest(repository.read(other)).catch(unlessDamaged);
    if (previous && isOfSame(previous, current)) return findAnomalies(previous, current);
  }
  return [];
}

/** Another backup's damage is for `backup verify` to find. */
function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof RoomctlError) || error.code !== "E_BACKUP_DAMAGED") throw error;
}

function isOfSame({ isWhole, source }: Manifest, current: Manifest): boolean {
  const { database, systemIdentifier } = current.source;
  return isWhole && source.database === database && source.systemIdentifier === systemIdentifier;
}
