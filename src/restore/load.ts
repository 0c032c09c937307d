import { pipeline } from "node:stream/promises";
import { readChunk } from "../backup/chunk-reader.js";
import type { ManifestChunk, ManifestTable } from "../backup/manifest.js";
import type { StoredBackup } from "../backup/repository.js";
import { RoomctlError } from "../core/errors.js";
import { copyIn } from "../db/copy-in.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";

export interface LoadOptions {
  readonly stored: StoredBackup;
  readonly signal?: AbortSignal;
  /** Where the rows go, if not into the table of that name. */
  readonly into?: QualifiedName;
}

/** Loads all rows of a table. The session may be in the middle of a COPY when this throws: discard it. */
export async function loadTable(connection: Connection, table: ManifestTable, options: LoadOptions): Promise<void> {
  if (table.columns.length === 0) return fillWithoutColumns(connection, table, options.into);
  for (const chunk of table.chunks) await loadChunk(connection, table, chunk, options);
}

/** The columns of a table that COPY fills, and how. */
type CopiedColumns = Pick<ManifestTable, "columns" | "format" | "codec"> & QualifiedName;

/**
 * Loads the rows of one chunk. Each block is checked again on the way: the file may have changed since the backup was
 * verified. Throws E_BACKUP_DAMAGED, or what the server says; the session may then be in the middle of a COPY.
 */
export async function loadChunk(
  connection: Connection,
  table: CopiedColumns,
  chunk: ManifestChunk,
  { stored, signal, into = table }: LoadOptions,
): Promise<void> {
  const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const format = table.format === "binary" ? " (FORMAT binary)" : "";
  const copy = copyIn(connection, `COPY ${quoteName(into)} (${columns}) FROM STDIN${format}`);
  await pipeline(readChunk(stored, table, chunk, { signal }), copy, { signal });
  if (copy.rowCount === chunk.rows) return;
  throw new RoomctlError(
    "E_BACKUP_DAMAGED",
    `${chunk.file} (${formatName(into)}) filled ${copy.rowCount} rows instead of ${chunk.rows}`,
    { hint: "look for a rule or a trigger that turns rows away" },
  );
}

/** COPY with no columns to name would mean all of them. */
export async function fillWithoutColumns(
  connection: Connection,
  table: ManifestTable,
  into: QualifiedName = table,
): Promise<void> {
  await connection.execute(`INSERT INTO ${quoteName(into)} SELECT FROM generate_series(1, ${table.rows})`);
}
