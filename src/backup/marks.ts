import { sha256 } from "../core/digest.js";
import { packageVersion } from "../core/package-root.js";
import { codeOf } from "../db/sqlstate.js";
import { manifestFile } from "./manifest.js";
import type { StoredBackup } from "./repository.js";

/** What is known of a backup beside its manifest: files of its own that come and go, and that no manifest names. */
export const verifiedMark = "verified.json";
export const pinnedMark = "pinned.json";
export const markFiles: readonly string[] = [verifiedMark, pinnedMark];

/** What the last complete reading of a backup found. */
export interface Verification {
  /** ISO 8601, UTC. */
  readonly verifiedAt: string;
  readonly ok: boolean;
  readonly toolVersion: string;
  /** SHA-256 of the manifest as stored, null when it cannot be read: the mark vouches for no other content. */
  readonly manifestSha256: string | null;
  /** When damage was found first; null when none was. */
  readonly damagedSince: string | null;
}

export interface Pin {
  readonly pinnedAt: string;
  readonly note: string | null;
}

/** The last verification of what the backup holds now; undefined when there was none. */
export async function readVerification(backup: StoredBackup): Promise<Verification | undefined> {
  const mark = await readMark(backup, verifiedMark);
  if (!isVerification(mark)) return undefined;
  return mark.manifestSha256 === (await hashManifest(backup)) ? mark : undefined;
}

/** SHA-256 of the manifest as stored; null when it cannot be read. */
export async function hashManifest(backup: StoredBackup): Promise<string | null> {
  try {
    return sha256(await backup.readText(manifestFile));
  } catch {
    // Missing or unreadable: verifying says so in its own words.
    return null;
  }
}

export async function writeVerification(
  backup: StoredBackup,
  found: { readonly ok: boolean; readonly manifestSha256: string | null; readonly now: Date },
): Promise<void> {
  const { ok, manifestSha256, now } = found;
  const before = ok ? undefined : await readVerification(backup);
  const verifiedAt = now.toISOString();
  const damagedSince = ok ? null : (before?.damagedSince ?? verifiedAt);
  const mark: Verification = { verifiedAt, ok, toolVersion: packageVersion(), manifestSha256, damagedSince };
  await backup.writeMark(verifiedMark, format(mark));
}

/** Whoever pinned it, even with a file that says nothing: then without a note. */
export async function readPin(backup: StoredBackup): Promise<Pin | undefined> {
  const mark = await readMark(backup, pinnedMark);
  if (mark === undefined) return undefined;
  const { pinnedAt, note } = { pinnedAt: "", note: null, ...(isObject(mark) ? mark : {}) };
  return { pinnedAt: String(pinnedAt), note: typeof note === "string" ? note : null };
}

export async function writePin(backup: StoredBackup, pin: Pin): Promise<void> {
  await backup.writeMark(pinnedMark, format(pin));
}

/** Undefined without such a mark; null when there is one that cannot be read. */
async function readMark(backup: StoredBackup, name: string): Promise<unknown> {
  try {
    return JSON.parse(await backup.readText(name));
  } catch (error) {
    return codeOf(error) === "ENOENT" ? undefined : null;
  }
}

function isVerification(mark: unknown): mark is Verification {
  if (!isObject(mark)) return false;
  const { verifiedAt, ok, manifestSha256, damagedSince } = mark;
  const isTime = (value: unknown) => typeof value === "string" && !Number.isNaN(Date.parse(value));
  return (
    isTime(verifiedAt) &&
    typeof ok === "boolean" &&
    (typeof manifestSha256 === "string" || manifestSha256 === null) &&
    (damagedSince === null || isTime(damagedSince))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function format(mark: Verification | Pin): string {
  return `${JSON.stringify(mark, null, 2)}\n`;
}
