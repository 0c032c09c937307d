import { messageOf, RoomctlError } from "../core/errors.js";
import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import type { ScriptStatement } from "./script.js";

/**
 * Runs statements of a schema script in the caller's transaction, each under its settings. `searchPath` replaces the
 * empty one of the script. Throws E_SQL with file and line of the statement that was refused, E_NOT_EMPTY where what it
 * would make is there already.
 */
export async function runStatements(
  connection: Connection,
  statements: readonly ScriptStatement[],
  { file, searchPath }: { readonly file: string; readonly searchPath?: string },
): Promise<void> {
  let inForce = "";
  for (const { sql, line, settings } of statements) {
    const wanted = settings.join(";\n");
    try {
      if (wanted !== inForce && wanted !== "") {
        await connection.execute(wanted);
        if (searchPath !== undefined) {
          await connection.query("SELECT set_config('search_path', $1, true)", [searchPath]);
        }
      }
      inForce = wanted;
      await connection.execute(sql);
    } catch (error) {
      throw refusal(error, `${file} line ${line}`);
    }
  }
}

/** SQLSTATEs of something that is there already. */
const duplicates = ["42710", "42P06", "42P07", "42723", "42P04"];

function refusal(error: unknown, place: string): unknown {
  const code = codeOf(error);
  if (!(error instanceof Error) || Reflect.get(error, "severity") !== "ERROR") return error;
  if (duplicates.includes(code ?? "")) {
    return new RoomctlError("E_NOT_EMPTY", `the database has objects of its own already: ${messageOf(error)}`, {
      cause: error,
      hint: "restore into a new database: --new-database NAME",
    });
  }
  // Who may not lock what is told by whoever knows the tables.
  if (code === sqlstate.lockNotAvailable || code === sqlstate.deadlockDetected || code === sqlstate.queryCanceled)
    return error;
  return new RoomctlError("E_SQL", `PostgreSQL refused a statement of the schema (${place}): ${messageOf(error)}`, {
    cause: error,
    hint: hintFor(error),
  });
}

function hintFor(error: Error): string {
  if (codeOf(error) === sqlstate.syntaxError) {
    return "a schema of a newer PostgreSQL may say what this server does not know: restore onto its version, or rows only, into a database that has the tables";
  }
  return /does not exist/.test(messageOf(error))
    ? "a function that names things without their schema needs a search path: run it again with --search-path public"
    : "what was done so far stays, and a second run goes on there";
}
