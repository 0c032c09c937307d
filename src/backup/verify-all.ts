import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { findBackup } from "./find.js";
import { hashManifest, readVerification, writeVerification } from "./marks.js";
import { isOfNewerFormat } from "./newer-format.js";
import { openRepository, type Repository, type StoredBackup } from "./repository.js";
import { type BackupVerdict, type VerifyOptions, verifyBackup } from "./verify.js";

export interface MarkOptions extends VerifyOptions {
  readonly clock: Clock;
  /** Told why a verdict could not be kept beside its backup. */
  readonly onUnmarked?: (error: RoomctlError) => void;
}

export interface VerifyAllResult {
  readonly repository: string;
  /** True when each of `verdicts` is. */
  readonly ok: boolean;
  /** Newest first. */
  readonly verdicts: readonly BackupVerdict[];
  /** Ids of backups that were left out, because their last verification was a success. */
  readonly verifiedBefore: readonly string[];
}

/**
 * Verifies one backup, and keeps the verdict beside it for `list` and `prune`. `wanted` is an id, the beginning of one,
 * or `latest`. A repository that cannot be written is told of, and no error. Throws E_NO_BACKUP.
 */
export async function verifyAndMark(location: string, wanted: string, options: MarkOptions): Promise<BackupVerdict> {
  const repository = openRepository(location);
  const stored = await findBackup(repository, wanted);
  const manifestSha256 = await hashManifest(stored);
  const verdict = await verifyBackup(location, stored.id, options).catch(async (error: unknown) => {
    await assertStillThere(repository, stored);
    throw error;
  });
  if (!verdict.ok) await assertStillThere(repository, stored);
  // What this version cannot read is for the one that wrote it to judge.
  if (!verdict.ok && (await isOfNewerFormat(stored))) return verdict;
  try {
    await writeVerification(stored, { ok: verdict.ok, manifestSha256, now: options.clock.now() });
  } catch (error) {
    if (!(error instanceof RoomctlError)) throw error;
    options.onUnmarked?.(error);
  }
  return verdict;
}

/**
 * Verifies every backup, or only those without a successful verification of what they hold now. A backup that is removed
 * on the way is left out. Throws E_NO_BACKUP when there is none at all.
 */
export async function verifyAll(
  location: string,
  options: MarkOptions & { readonly onlyUnverified: boolean },
): Promise<VerifyAllResult> {
  const repository = openRepository(location);
  const ids = await repository.listIds();
  if (ids.length === 0) await findBackup(repository, "latest");
  const verdicts: BackupVerdict[] = [];
  const verifiedBefore: string[] = [];
  for (const id of ids) {
    options.signal?.throwIfAborted();
    if (options.onlyUnverified && (await readVerification(repository.read(id)))?.ok) verifiedBefore.push(id);
    else verdicts.push(...(await verifyUnlessGone(location, id, options)));
  }
  return { repository: location, ok: verdicts.every(({ ok }) => ok), verdicts, verifiedBefore };
}

async function verifyUnlessGone(location: string, id: string, options: MarkOptions): Promise<readonly BackupVerdict[]> {
  try {
    return [await verifyAndMark(location, id, options)];
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_BACKUP") return [];
    throw error;
  }
}

/** Files that a prune took away in the middle of the reading are not damage. */
async function assertStillThere(repository: Repository, { id }: StoredBackup): Promise<void> {
  if ((await repository.listIds()).includes(id)) return;
  throw new RoomctlError("E_NO_BACKUP", `backup ${id} was removed while it was being verified`, {
    hint: "see what is left with: roomctl backup list",
  });
}
