import { parseName, quoteIdentifier, quoteName } from "../db/identifier.js";

/** A plain table whose rows are a map's values. */
export interface MirroredTable {
  /** `rooms` or `app.rooms`. */
  readonly table: string;
  /** Columns of the primary key. */
  readonly key: readonly string[];
  /** Every column that is written, the key's too, with its type: `{ id: "uuid", state: "jsonb" }`. */
  readonly columns: Readonly<Record<string, string>>;
  /** bigint; `epoch` unless told. */
  readonly epochColumn?: string;
  /** bigint; `version` unless told. */
  readonly versionColumn?: string;
  /**
   * A boolean column that is true in the row of a deleted key: such a row also keeps an older statement from bringing
   * the key back, and something else removes it later. Without one, the row is deleted.
   */
  readonly deletedColumn?: string;
}

/**
 * The statement of a mirror of a plain table. `toRow` must return the columns, and `version` and `deleted` as it got them.
 * A row is written only over one of an older epoch, or of an older version of the same epoch.
 */
export function mirrorStatement(table: MirroredTable): string {
  const { epochColumn = "epoch", versionColumn = "version", deletedColumn } = table;
  const names = Object.keys(table.columns).map(quoteIdentifier);
  const [epoch, version] = [quoteIdentifier(epochColumn), quoteIdentifier(versionColumn)];
  const marks = [epoch, version, ...(deletedColumn === undefined ? [] : [quoteIdentifier(deletedColumn)])];
  const given = ["owner.epoch", "given.version", ...(deletedColumn === undefined ? [] : ["given.deleted"])];
  const key = table.key.map(quoteIdentifier);
  const isOlder = `(known.${epoch}, known.${version}) <`;
  const changed = [...names.filter((name) => !key.includes(name)), ...marks];
  return `WITH owner AS MATERIALIZED (
    {owner}
), given AS MATERIALIZED (
    SELECT given.*
      FROM json_to_recordset($1::json) AS given (${recordColumns(table)})
), written AS (
    INSERT INTO ${quoteName(parseName(table.table))} AS known (${[...names, ...marks].join(", ")})
    SELECT ${[...names.map((name) => `given.${name}`), ...given].join(", ")}
      FROM given CROSS JOIN owner${deletedColumn === undefined ? "\n     WHERE NOT given.deleted" : ""}
     ORDER BY ${key.map((name) => `given.${name}`).join(", ")}
        ON CONFLICT (${key.join(", ")}) DO UPDATE
       SET ${changed.map((name) => `${name} = excluded.${name}`).join(", ")}
     WHERE ${isOlder} (excluded.${epoch}, excluded.${version})
    RETURNING 1
)${deletedColumn === undefined ? deletion(table, key, isOlder) : ""}
SELECT EXISTS (SELECT FROM owner) AS owned,
       ((SELECT count(*) FROM written)${deletedColumn === undefined ? " + (SELECT count(*) FROM gone)" : ""})::integer AS written`;
}

function recordColumns({ columns }: MirroredTable): string {
  const own = Object.entries(columns).map(([name, type]) => `${quoteIdentifier(name)} ${type}`);
  return [...own, "version bigint", "deleted boolean"].join(", ");
}

function deletion({ table }: MirroredTable, key: readonly string[], isOlder: string): string {
  return `, gone AS (
    DELETE FROM ${quoteName(parseName(table))} AS known
     USING given CROSS JOIN owner
     WHERE given.deleted
       AND (${key.map((name) => `known.${name}`).join(", ")}) = (${key.map((name) => `given.${name}`).join(", ")})
       AND ${isOlder} (owner.epoch, given.version)
    RETURNING 1
)`;
}
