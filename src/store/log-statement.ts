import { parseName, quoteIdentifier, quoteName } from "../db/identifier.js";

/** A plain table that a log appends to. */
export interface AppendedTable {
  readonly table: string;
  /** The column that makes an entry the same one when it comes again: unique, chosen by whoever appends. */
  readonly id: string;
  /** Every column that is written, the id too, with its type. */
  readonly columns: Readonly<Record<string, string>>;
  /** Columns of the stored row that the receipt has, such as one that the database numbers. */
  readonly returning: readonly string[];
}

/** The statement of a log of a plain table. An entry that is there already is left as it is, and its row is the receipt. */
export function logStatement({ table, id, columns, returning }: AppendedTable): string {
  const names = Object.keys(columns).map(quoteIdentifier);
  const key = quoteIdentifier(id);
  const types = Object.entries(columns).map(([name, type]) => `${quoteIdentifier(name)} ${type}`);
  const receipt = returning.map((name) => `${quoteLabel(name)}, stored.${quoteIdentifier(name)}`).join(", ");
  return `WITH owner AS MATERIALIZED (
    {owner}
), given AS MATERIALIZED (
    SELECT given.*
      FROM json_to_recordset($1::json) AS given (ordinal integer, ${types.join(", ")})
     CROSS JOIN owner
), stored AS (
    INSERT INTO ${quoteName(parseName(table))} AS known (${names.join(", ")})
    SELECT ${names.join(", ")}
      FROM (SELECT DISTINCT ON (${key}) * FROM given ORDER BY ${key}, ordinal) AS first
     ORDER BY ordinal
        -- Setting what it is already makes the row that was there before come back as well.
        ON CONFLICT (${key}) DO UPDATE SET ${key} = known.${key}
    RETURNING known.*
)
SELECT EXISTS (SELECT FROM owner) AS owned,
       coalesce((SELECT json_agg(json_build_object('ordinal', given.ordinal${receipt === "" ? "" : `, ${receipt}`}))
                   FROM given JOIN stored ON stored.${key} = given.${key}), '[]') AS receipts`;
}

function quoteLabel(name: string): string {
  return `'${name.replaceAll("'", "''")}'`;
}
