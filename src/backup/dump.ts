import { finished, pipeline } from "node:stream/promises";
import { RoomctlError } from "../core/errors.js";
import { copyOut } from "../db/copy.js";
import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codecs } from "./codec.js";
import { readFingerprint } from "./fingerprint.js";
import type { ManifestTable } from "./manifest.js";
import { createMeter } from "./meter.js";
import type { Draft } from "./repository.js";
import type { SelectedTable } from "./selection.js";

const codec = "gzip";

export interface DumpOptions {
  readonly draft: Draft;
  /** Position in the backup, from 1: names the file. */
  readonly number: number;
  readonly signal?: AbortSignal;
}

/**
 * Writes one table's rows as COPY text into a file of the draft, and says what it wrote. Columns are named, generated
 * ones left out: `COPY (SELECT * …)` would carry them, and no restore could load them.
 */
export async function dumpTable(
  connection: Connection,
  table: SelectedTable,
  options: DumpOptions,
): Promise<ManifestTable> {
  const columns = table.columns.filter((column) => !column.isGenerated).map(({ name, type }) => ({ name, type }));
  const file = `data/${String(options.number).padStart(4, "0")}.copy${codecs[codec].extension}`;
  const list = columns.map((column) => quoteIdentifier(column.name)).join(", ");
  const rows = copyOut(connection, `COPY (SELECT ${list} FROM ONLY ${quoteName(table)}) TO STDOUT`);
  const [raw, stored] = [createMeter({ countsLines: true }), createMeter()];
  try {
    const output = options.draft.createFile(file);
    await pipeline(rows, raw, codecs[codec].encode(), stored, output, { signal: options.signal });
    await finished(output);
  } catch (error) {
    // The session may be in the middle of a COPY that nobody reads any more: no statement could follow on it.
    connection.discard();
    throw error;
  }
  const fingerprint = await readFingerprint(connection, table, columns);
  const { lines, sizeBytes: rawBytes, sha256: rawSha256 } = raw.measured();
  const { sizeBytes, sha256 } = stored.measured();
  // The COPY's own count is known once a later statement has answered.
  assertCounts(table, [rows.rowCount, lines, fingerprint.rows]);
  const { schema, name, ancestors } = table;
  const contents = { rows: fingerprint.rows, fingerprint: fingerprint.sum };
  return { schema, name, ancestors, columns, ...contents, file, codec, sizeBytes, sha256, rawBytes, rawSha256 };
}

function assertCounts(table: SelectedTable, counts: readonly number[]): void {
  if (new Set(counts).size === 1) return;
  throw new RoomctlError(
    "E_BACKUP_DAMAGED",
    `${formatName(table)}: COPY sent ${counts[0]} rows in ${counts[1]} lines, but a count finds ${counts[2]}`,
    { hint: "run the backup again; if it happens again, the table's storage or an index may be damaged" },
  );
}
