import { announceChange, readEpoch } from "../db/announce.js";
import { type Database, openDatabase } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { temporaryName } from "../restore/new-database.js";
import type { NewRequest } from "./backup-restore-new.js";
import { restoredTables } from "./backup-restore-whole.js";

/**
 * Whoever follows the configured database will read the restored one under the same name, and takes what is announced
 * below the last epoch that it has seen for old: so the restored database's lies above both. To be called when nothing is
 * left but the renaming; both databases are closed again.
 */
export async function raiseEpoch({ target, backup, context }: NewRequest): Promise<void> {
  const open = (database: string): Promise<Database> =>
    openDatabase(
      { ...target, database },
      { applicationName: "roomctl/backup restore", signal: context.signal, maxConnections: 1 },
    );
  const above = await readAndClose(await open(target.database));
  if (above === 0) return;
  await using restored = await open(temporaryName(backup.manifest.id));
  if ((await readEpoch(restored)) > above) return;
  await withTransaction(restored, {}, (connection) =>
    announceChange(connection, { kind: "restore", tables: restoredTables(backup.manifest), above }),
  );
}

async function readAndClose(database: Database): Promise<number> {
  await using closing = database;
  return await readEpoch(closing);
}
