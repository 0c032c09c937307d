import { readSource } from "../backup/contents.js";
import type { BackupSource } from "../backup/manifest.js";
import { openRepository } from "../backup/repository.js";
import { openSoundBackup, openUnreadBackup, type SoundBackup, type VerifyOptions } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import type { Queryable } from "../db/pool.js";
import { readWipeRecords, type WipeRecord } from "./undo-record.js";

export interface FoundWipe {
  readonly record: WipeRecord;
  readonly receipt: string;
  readonly backup: SoundBackup;
}

/**
 * The wipe of this database that a person named by its receipt (a backup's id, the beginning of one, or `latest`), with
 * its backup, verified completely. Throws E_NO_BACKUP, E_USAGE for a receipt of another database, E_SCHEMA where this
 * database does not know the wipe, E_PLAN_STALE when it was undone, E_BACKUP_DAMAGED.
 */
export async function findWipe(
  queryable: Queryable,
  repository: string,
  wanted: string,
  options: VerifyOptions = {},
): Promise<FoundWipe> {
  const records = await readWipeRecords(queryable);
  const here = await readSource(queryable);
  const record = matchRecord(records, wanted);
  if (!record) throw await unknownReceipt(repository, wanted, { here, records });
  const { receipt } = record;
  if (receipt === null) {
    throw new RoomctlError(
      "E_NO_BACKUP",
      `no backup was taken before the newest wipe (operation ${record.operation})`,
      {
        hint: "what it deleted is not in any receipt; name another one: roomctl wipe receipts",
      },
    );
  }
  assertNotUndone(record, records);
  if (!(await openRepository(repository).listIds()).includes(receipt)) {
    throw new RoomctlError("E_NO_BACKUP", `the backup of that wipe, ${receipt}, is not in ${repository}`, {
      hint: `name the folder of backups that has it: roomctl wipe undo ${receipt} --repo FOLDER`,
    });
  }
  const { manifest } = await openUnreadBackup(repository, receipt);
  if (!isSameDatabase(manifest.source, here)) throw otherDatabase(receipt, manifest.source, here);
  return { record, receipt, backup: await openSoundBackup(repository, receipt, options) };
}

/** Throws E_PLAN_STALE when a wipe was undone, naming the later wipe that may be meant. */
export function assertNotUndone(record: WipeRecord, records: readonly WipeRecord[]): void {
  const done = record.undos.find(({ isComplete }) => isComplete);
  if (!done) return;
  const later = records.find(
    (one) => one.operation > done.operation && one.receipt !== null && !one.undos.some(({ isComplete }) => isComplete),
  );
  throw new RoomctlError(
    "E_PLAN_STALE",
    `nothing was changed: the wipe ${record.receipt} was undone by operation ${done.operation}, at ${done.finishedAt.toISOString()}`,
    {
      hint: later
        ? `rows that went since have a receipt of their own: roomctl wipe undo ${later.receipt}`
        : "rows that went since, by other hands, come from a backup: roomctl backup restore",
    },
  );
}

function matchRecord(records: readonly WipeRecord[], wanted: string): WipeRecord | undefined {
  if (wanted === "latest") return records[0];
  const matches = records.filter(({ receipt }) => wanted !== "" && receipt?.startsWith(wanted));
  const exact = matches.find(({ receipt }) => receipt === wanted);
  return exact ?? (matches.length === 1 ? matches[0] : undefined);
}

interface Known {
  readonly here: BackupSource;
  readonly records: readonly WipeRecord[];
}

async function unknownReceipt(repository: string, wanted: string, { here, records }: Known): Promise<RoomctlError> {
  const known = records.flatMap(({ receipt }) => receipt ?? []);
  const isAmbiguous = known.some((receipt) => wanted !== "" && receipt.startsWith(wanted));
  if (isAmbiguous) {
    return new RoomctlError("E_USAGE", `several receipts begin with ${JSON.stringify(wanted)}`, {
      hint: "give more of it: roomctl wipe receipts",
    });
  }
  const ids = await openRepository(repository).listIds();
  const id = ids.filter((one) => wanted !== "" && one.startsWith(wanted));
  if (id.length === 1 && id[0] !== undefined) return strangeBackup(repository, id[0], here);
  return new RoomctlError(
    "E_NO_BACKUP",
    known.length === 0
      ? `no wipe of the database ${JSON.stringify(here.database)} is written down`
      : `no wipe of this database has the receipt ${JSON.stringify(wanted)}`,
    { hint: "list what can be undone: roomctl wipe receipts" },
  );
}

/** The backup is there, and this database knows of no wipe that took it. */
async function strangeBackup(repository: string, id: string, here: BackupSource): Promise<RoomctlError> {
  const { manifest } = await openUnreadBackup(repository, id);
  if (!isSameDatabase(manifest.source, here)) return otherDatabase(id, manifest.source, here);
  return new RoomctlError(
    "E_SCHEMA",
    `${id} is a backup of this database, but roomctl.operations knows of no wipe that took it`,
    {
      hint: `if the database was restored to a time before that wipe, its rows are there; else: roomctl backup restore ${id}`,
    },
  );
}

function isSameDatabase(a: BackupSource, b: BackupSource): boolean {
  return a.systemIdentifier === b.systemIdentifier && a.database === b.database;
}

function otherDatabase(id: string, there: BackupSource, here: BackupSource): RoomctlError {
  const where = there.systemIdentifier === here.systemIdentifier ? "of this server" : "of another server";
  return new RoomctlError(
    "E_USAGE",
    `nothing was changed: ${id} is of the database ${JSON.stringify(there.database)} ${where}, and this is ${JSON.stringify(here.database)}`,
    {
      hint: `connect to that one (--database-url), or load its rows into empty tables here: roomctl backup restore ${shellWord(id)}`,
    },
  );
}
