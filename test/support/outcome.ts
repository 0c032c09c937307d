import { statementFailure } from "../../src/db/failure.js";
import { codeOf, sqlstate } from "../../src/db/sqlstate.js";

/** How work ended: `done`, `aborted` (by a signal, here or on the server), or the code that the command line shows. */
export async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    const isAbort = (error instanceof Error && error.name === "AbortError") || codeOf(error) === sqlstate.queryCanceled;
    return isAbort ? "aborted" : statementFailure(error).code;
  }
}
