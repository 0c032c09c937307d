import { type BackupReceipt, createBackup } from "../backup/create.js";
import { verifyBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import type { CommandContext } from "./command.js";

export interface BackUpRequest {
  readonly database: Database;
  /** In the transaction that will change the tables, with writers locked out of them. */
  readonly connection: Connection;
  readonly tables: readonly QualifiedName[];
  /** Only some rows of a table, by its `quoteName`: an SQL condition over them. */
  readonly conditions?: ReadonlyMap<string, string>;
  /** The command that takes it: `roomctl wipe --scope rooms`. */
  readonly command: string;
  readonly context: Pick<CommandContext, "settings" | "clock" | "signal" | "onProgress">;
}

/** A backup of tables that are about to lose rows, read back completely. Throws E_BACKUP_DAMAGED when it is not sound. */
export async function backUpBefore(request: BackUpRequest): Promise<BackupReceipt> {
  const { database, connection, tables, conditions, command, context } = request;
  const { settings, clock, signal, onProgress } = context;
  const repository = settings.backupRepository.value;
  const receipt = await createBackup(database, {
    repository,
    tables,
    connection,
    conditions,
    clock,
    signal,
    onProgress,
    note: `before ${command}`,
  });
  const verdict = await verifyBackup(repository, receipt.id, { signal, onProgress });
  if (verdict.ok) return receipt;
  throw new RoomctlError("E_BACKUP_DAMAGED", `nothing was deleted: the backup ${receipt.id} did not verify`, {
    cause: new Error(verdict.findings.map(({ message }) => message).join("; ")),
    hint: `roomctl backup verify ${receipt.id}`,
  });
}
