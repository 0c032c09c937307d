import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { Script } from "../migrate/script.js";
import { byStatement, findingAt, objectsOf, refusedAt, type Subject, verbOf } from "./finding.js";
import { followRun } from "./follow.js";
import type { ProofChange, ProofFinding } from "./model.js";
import { checkDeferred, newSessionAfter, newSessionTexts, runTogether, type Stop, textsOf } from "./run.js";
import { isSameSchema, schemaChanges } from "./state.js";
import { countersIn, countersText, ownSequencesTexts, writesBetween } from "./writes.js";

export interface RoundTrip {
  readonly migration: ParsedMigration;
  readonly down: Script;
  readonly before: SchemaSnapshot;
  readonly after: SchemaSnapshot;
  /** True when the up script wrote rows: then what it finds the second time may be something else. */
  readonly upWroteRows: boolean;
}

/**
 * True when down leads to the state before and up from there to the state after, in a transaction that is rolled back.
 * False means no more than that a closer look is due.
 */
export async function isQuietRoundTrip(connection: Connection, trip: RoundTrip): Promise<boolean> {
  const { migration, down, before, after, upWroteRows } = trip;
  const { up } = migration;
  if (!down.isTransactional || !up.isTransactional || down.ownControl) return false;
  const sequences = ownSequencesTexts({ statements: [...down.statements, ...up.statements] });
  const reset = newSessionTexts(down);
  try {
    const undoing = [...textsOf(down.statements), checkDeferred, ...reset, countersText()];
    const run = await runTogether(connection, ["BEGIN", countersText(), ...sequences, ...undoing]);
    if (run === undefined || !isSameSchema(before, await readSchemaSnapshot(connection))) return false;
    const writesRows = upWroteRows || writesBetween(countersIn(run[1]), countersIn(run.at(-1))).rows > 0;
    if (!(await runTogether(connection, [...textsOf(up.statements), ...newSessionTexts(up)]))) return false;
    // From the same schema and the same rows, the same statements lead to the same place.
    return !writesRows || isSameSchema(after, await readSchemaSnapshot(connection));
  } finally {
    await connection.execute("ROLLBACK");
    await newSessionAfter(connection, up, down);
  }
}

/** Runs down and up again for good on a copy of the state after, and says what came out otherwise. */
export async function roundTripFindings(connection: Connection, trip: RoundTrip): Promise<readonly ProofFinding[]> {
  const { migration, down, before, after } = trip;
  const name = migration.file.name;
  const downSubject: Subject = { migration: name, script: down };
  const upSubject: Subject = { migration: name, script: migration.up };
  if (down.ownControl) {
    const message = "the down file begins or ends a transaction of its own, and roomctl does not run it";
    return [findingAt("down-fails", downSubject, { statement: down.ownControl, message, hint: "take it out" })];
  }
  const undone = await followRun(connection, down);
  if (undone.stop) {
    const hint = "undo what the up file did, in the opposite order, each with IF EXISTS";
    return [refusedAt("down-fails", downSubject, { stop: undone.stop, what: "it cannot be undone", hint })];
  }
  const left = schemaChanges(before, undone.after.schema);
  const again = await followRun(connection, migration.up);
  const second = again.stop ? [] : schemaChanges(after, again.after.schema).filter((change) => !isAmong(change, left));
  return [
    ...downFindings(downSubject, left, undone.schemaCulprit),
    ...(again.stop ? [stoppedAgain(upSubject, again.stop)] : []),
    ...againFindings(upSubject, second, again.schemaCulprit),
  ];
}

/** What down left as it is now was said already. */
function isAmong({ object, found }: ProofChange, left: readonly ProofChange[]): boolean {
  return left.some((one) => one.object === object && one.found === found);
}

function stoppedAgain(subject: Subject, stop: Stop): ProofFinding {
  const hint = "let the down file take away all that the up file makes";
  return refusedAt("up-again-fails", subject, { stop, what: "after it was undone, it cannot be applied again", hint });
}

type CulpritOf = (object: string) => ParsedStatement | undefined;

function downFindings(subject: Subject, changes: readonly ProofChange[], culpritOf: CulpritOf) {
  return byStatement(changes, ({ object }) => culpritOf(object)).map(([statement, own]) => {
    const left = own.every(({ expected }) => expected === null);
    const what = left ? "leaves" : verbs[own[0] ? verbOf(own[0]) : "changes"];
    return findingAt("down-differs", subject, {
      statement,
      changes: own,
      message: `after it was undone, the schema is not what it was before: down ${what} ${objectsOf(own)}`,
      hint: left ? "take it away in the down file as well" : "bring it back in the down file as it was",
    });
  });
}

const verbs = { drops: "does not bring back", adds: "leaves", changes: "changes" };

function againFindings(subject: Subject, changes: readonly ProofChange[], culpritOf: CulpritOf) {
  return byStatement(changes, ({ object }) => culpritOf(object)).map(([statement, own]) =>
    findingAt("up-again-differs", subject, {
      statement,
      changes: own,
      message: `undone and applied again, it does not come to the same: ${objectsOf(own)}`,
      hint: "let the down file take away what the up file decides by, rows among them",
    }),
  );
}
