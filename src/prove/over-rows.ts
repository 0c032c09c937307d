import type { QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { ScratchDatabase } from "../db/scratch.js";
import { type FilledTable, fillTables } from "../migrate/rows.js";
import type { Script } from "../migrate/script.js";
import { effectOf, leavesAll } from "./effect.js";
import type { Subject } from "./finding.js";
import { openTrial, type ProofGround } from "./ground.js";
import type { ProofFinding } from "./model.js";
import { rerunFindings } from "./rerun-findings.js";
import { checkDeferred, newSessionAfter, newSessionTexts, runTogether, runWhole, textsOf } from "./run.js";
import { mayTouchRows, ownSequencesTexts } from "./writes.js";

/**
 * What a quick look at a second run over made-up rows showed. `not-needed`: the script touches no rows, or names no table
 * that could be given any. `unfit`: it does not run over them even once. `loud`: it has to be tried for real.
 */
export type OverRows = "not-needed" | "quiet" | "loud" | "unfit";

/**
 * Runs a script twice over tables with made-up rows, in a transaction that is rolled back. Those that are there before it
 * have rows before the first run; those that the first run leaves empty are given rows between the two, as an app would.
 */
export async function lookOverRows(connection: Connection, script: Script, rows: number): Promise<OverRows> {
  if (rows === 0 || !mayTouchRows(script)) return "not-needed";
  if (!script.isTransactional || comparesWithTime(script)) return "loud";
  const texts = [...textsOf(script.statements), checkDeferred, ...newSessionTexts(script)];
  const filling = { rows, isInTransaction: true };
  try {
    await runTogether(connection, ["BEGIN", ...ownSequencesTexts(script)]);
    const filled = await fill(connection, script, filling);
    if (!(await runTogether(connection, [checkDeferred, ...texts]))) return filled === 0 ? "not-needed" : "unfit";
    const refilled = await fill(connection, script, filling);
    if (filled + refilled === 0) return "not-needed";
    await connection.execute(checkDeferred);
    return leavesAll(await effectOf(connection, { texts })) ? "quiet" : "loud";
  } finally {
    await connection.execute("ROLLBACK");
    await newSessionAfter(connection, script);
  }
}

/** The same for good on a copy of the state before, and what the second run does there. */
export async function overRowsFindings(
  ground: ProofGround,
  previous: ScratchDatabase,
  { subject, rows }: { readonly subject: Subject; readonly rows: number },
): Promise<readonly ProofFinding[]> {
  const { script } = subject;
  await using trial = await openTrial(ground.server, previous);
  const { connection } = trial;
  await fill(connection, script, { rows, isInTransaction: false });
  if (await runWhole(connection, script)) return [];
  await fill(connection, script, { rows, isInTransaction: false });
  return await rerunFindings(connection, { subject, isOverRows: true });
}

/** Gives rows to the empty tables that a script names, and says how many got some. */
async function fill(
  connection: Connection,
  { sql }: Script,
  { rows, isInTransaction }: { readonly rows: number; readonly isInTransaction: boolean },
): Promise<number> {
  const words = sql.toLowerCase();
  const isWanted = ({ name }: QualifiedName) => words.includes(name.toLowerCase());
  const done = new Map<number, FilledTable>();
  await fillTables(connection, { rows, done, isWanted, isInTransaction });
  return [...done.values()].filter(({ isMadeUp }) => isMadeUp).length;
}

/** In one transaction the time stands still: a second run would compare with what the first has written at the same moment. */
function comparesWithTime({ statements }: Script): boolean {
  const time = "(?:now *\\(|current_(?:timestamp|date|time)\\b|local(?:timestamp|time)\\b|transaction_timestamp *\\()";
  const comparison = new RegExp(
    `(?:[<>]=?|!=|distinct from|between) *${time}|${time}(?: *\\)?| *[-+] *[^,;<>=]{1,60})\\s*[<>]`,
    "i",
  );
  return statements.some(({ text }) => comparison.test(text));
}
