import { pipeline } from "node:stream/promises";
import { RoomctlError } from "../core/errors.js";
import { copyIn } from "../db/copy.js";
import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codecs } from "./codec.js";
import type { ManifestTable } from "./manifest.js";
import { createMeter } from "./meter.js";
import { rawDifference, type SoundBackup, storedDifference } from "./verify.js";

/**
 * Loads one table's rows from its file. What was read is measured again on the way: the file may have changed since the
 * backup was verified. Throws E_BACKUP_DAMAGED, or what the server says; the session may then be in the middle of a COPY.
 */
export async function loadTable(
  connection: Connection,
  table: ManifestTable,
  backup: SoundBackup,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (table.rows === 0) return;
  // COPY with no columns to name would mean all of them.
  if (table.columns.length === 0) {
    await connection.execute(`INSERT INTO ${quoteName(table)} SELECT FROM generate_series(1, ${table.rows})`);
    return;
  }
  const [packed, raw] = [createMeter(), createMeter({ countsLines: true })];
  const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const copy = copyIn(connection, `COPY ${quoteName(table)} (${columns}) FROM STDIN`);
  await pipeline(backup.stored.openFile(table.file), packed, codecs[table.codec].decode(), raw, copy, { signal });
  const difference = storedDifference(table, packed) ?? rawDifference(table, raw);
  if (difference || copy.rowCount !== table.rows) {
    const what = difference?.what ?? `filled ${copy.rowCount} rows instead of ${table.rows}`;
    throw new RoomctlError("E_BACKUP_DAMAGED", `${table.file} (${formatName(table)}) ${what}`, {
      hint: "nothing was changed; something else writes to this backup's folder",
    });
  }
}
