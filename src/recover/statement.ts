import { messageOf, RoomctlError } from "../core/errors.js";
import type { Queryable } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";

/** One of the app's statements, and the values that it may use. */
export interface AppStatement {
  /** As the app's definition has it. */
  readonly name: string;
  readonly values: readonly unknown[];
  /** A statement of ours that holds the app's where `{statement}` stands. */
  readonly around?: string;
}

/** Runs a statement of the app and returns its rows. Throws E_SCHEMA when it does not fit the database. */
export function queryApp<Row extends object>(queryable: Queryable, statement: AppStatement): Promise<readonly Row[]> {
  const { sql, values } = prepare(statement);
  return explained(statement.name, () => queryable.query<Row>(sql, values));
}

/** Runs a statement of the app and says how many rows it touched. Throws E_SCHEMA when it does not fit the database. */
export function executeApp(queryable: Queryable, statement: AppStatement): Promise<number> {
  const { sql, values } = prepare(statement);
  return explained(statement.name, () => queryable.execute(sql, values));
}

function prepare({ name, values, around }: AppStatement): { sql: string; values: readonly unknown[] } {
  const own = loadStatement(name).trimEnd().replace(/;$/, "");
  // A function, because `$1` in a replacement text would be read as a pattern.
  const sql = around === undefined ? own : loadStatement(around).replace("{statement}", () => own);
  const used = Math.max(0, ...Array.from(sql.matchAll(/\$(\d+)/g), ([, number]) => Number(number)));
  return { sql, values: values.slice(0, used) };
}

const unfitting: readonly (string | undefined)[] = [sqlstate.undefinedTable, sqlstate.undefinedColumn];

async function explained<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!unfitting.includes(codeOf(error))) throw error;
    throw new RoomctlError(
      "E_SCHEMA",
      `the recovery statement ${name} does not fit this database: ${messageOf(error)}`,
      {
        cause: error,
        hint: "bring the schema up to date: roomctl migrate",
      },
    );
  }
}
