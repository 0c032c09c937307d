import { RoomctlError } from "../core/errors.js";
import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { UndoneTable } from "./undo-outcome.js";
import type { StagedTable } from "./undo-stage.js";
import { columnList, sameKey } from "./undo-tables.js";

/** Inserts the rows whose verdict says so, with the identities they had; as many as were counted, or it throws. */
export async function insertRows(connection: Connection, table: StagedTable, outcome: UndoneTable): Promise<void> {
  if (outcome.restored === 0) return;
  const { stage, verdict, entry } = table;
  const columns = columnList(table);
  const into = columns === "" ? "" : ` (${columns}) OVERRIDING SYSTEM VALUE`;
  const inserted = await connection.execute(
    `INSERT INTO ${quoteName(entry)}${into} SELECT ${columns} FROM ${stage} WHERE ${verdict} = 'restore'`,
  );
  assertAll(formatName(entry), inserted, outcome.restored);
}

/** Puts the old values of changed columns back into the rows whose verdict says so. */
export async function changeRows(connection: Connection, table: StagedTable, outcome: UndoneTable): Promise<void> {
  if (outcome.changedBack === 0 || !table.key) return;
  const { stage, verdict, entry, key } = table;
  const values = outcome.columns.map((name) => `${quoteIdentifier(name)} = s.${quoteIdentifier(name)}`).join(", ");
  const changed = await connection.execute(
    `UPDATE ONLY ${quoteName(entry)} AS t SET ${values} FROM ${stage} AS s
      WHERE s.${verdict} = 'change' AND ${sameKey(key, "s", "t")}`,
  );
  assertAll(formatName(entry), changed, outcome.changedBack);
}

function assertAll(table: string, done: number, wanted: number): void {
  if (done === wanted) return;
  throw new RoomctlError("E_SQL", `nothing was changed: ${done} rows of ${table} came back instead of ${wanted}`, {
    hint: "look for a rule on the table that turns rows away",
  });
}
