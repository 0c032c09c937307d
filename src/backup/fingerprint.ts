import { readCopy } from "../db/copy-out.js";
import type { QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { copyStatement, type PageRange } from "./copy-statement.js";
import type { CopyFormat, RowsFingerprint } from "./manifest.js";
import { createRowsHash } from "./rows.js";

/** What decides the bytes of a table's rows. */
export interface CopiedTable extends QualifiedName {
  readonly columns: readonly { readonly name: string }[];
  readonly format: CopyFormat;
  /** A relation, quoted, that shows only some of its rows, with the columns; all of them unless told. */
  readonly chosenRows?: string;
}

/**
 * What a table holds, whatever the order of its rows: reads all of them, or those on some pages. Run it under
 * `applyReadSettings`, which fixes the text of values. It compares databases of one encoding.
 */
export async function readTableFingerprint(
  connection: Connection,
  table: CopiedTable,
  pages?: PageRange,
): Promise<RowsFingerprint> {
  const rows = createRowsHash(table.format);
  await readCopy(connection, copyStatement(table, pages), rows);
  return rows.result();
}
