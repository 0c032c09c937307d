import type { SoundBackup } from "../backup/verify.js";
import { quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadTable } from "./load.js";
import type { UndoTable } from "./undo-tables.js";

/** A table's saved rows in a temporary table of this session, each with what is to become of it. */
export interface StagedTable extends UndoTable {
  /** Quoted. */
  readonly stage: string;
  /** Columns of the stage, quoted: the row's `Verdict`, null while there is none, and which index or foreign key it is about. */
  readonly verdict: string;
  readonly detail: string;
}

export interface StageOptions {
  readonly backup: SoundBackup;
  readonly signal?: AbortSignal;
}

/**
 * Loads the saved rows beside their table. The stage has the table's columns without its constraints, and its generated
 * ones too, since a unique index may lie on them. It goes with the transaction.
 */
export async function stageTable(
  connection: Connection,
  table: UndoTable,
  place: number,
  { backup, signal }: StageOptions,
): Promise<StagedTable> {
  const into = { schema: "pg_temp", name: `roomctl_undo_${place}` };
  const stage = quoteName(into);
  const verdict = quoteIdentifier(freeName("roomctl_verdict", table));
  const detail = quoteIdentifier(freeName("roomctl_detail", table));
  await connection.execute(
    `CREATE TEMP TABLE ${into.name} (LIKE ${quoteName(table.entry)} INCLUDING GENERATED) ON COMMIT DROP`,
  );
  const nullable = table.facts.columns
    .filter(({ notNull }) => notNull)
    .map(({ name }) => `ALTER ${quoteIdentifier(name)} DROP NOT NULL`);
  await connection.execute(
    `ALTER TABLE ${stage} ${[...nullable, `ADD ${verdict} text`, `ADD ${detail} text`].join(", ")}`,
  );
  try {
    await loadTable(connection, table.entry, { stored: backup.stored, signal, into });
  } catch (error) {
    // The session may still be waiting for rows; ending it rolls everything back.
    connection.discard();
    throw error;
  }
  await connection.execute(`ANALYZE ${stage}`);
  return { ...table, stage, verdict, detail };
}

function freeName(wanted: string, { facts }: UndoTable): string {
  let name = wanted;
  while (facts.columns.some((column) => column.name === name)) name += "_";
  return name;
}
