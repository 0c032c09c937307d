import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { Script } from "../migrate/script.js";
import { effectOf, leavesAll } from "./effect.js";
import { checkDeferred, newSessionAfter, newSessionTexts, runTogether, textsOf } from "./run.js";
import { isSameSchema, sequencesText } from "./state.js";
import { mayMoveSequences, useSequencesTexts } from "./writes.js";

/**
 * True when running the script once more, in a transaction that is rolled back, wrote nothing. False means no more than
 * that a closer look is due: a transaction of its own behind a COMMIT may go otherwise.
 */
export async function isQuietRerun(
  connection: Connection,
  script: Script,
  readAfter: () => Promise<SchemaSnapshot>,
): Promise<boolean> {
  const watched = mayMoveSequences(script) ? sequencesText() : undefined;
  const opening = useSequencesTexts(script);
  const texts = [...textsOf(script.statements), checkDeferred, ...newSessionTexts(script)];
  try {
    const effect = await effectOf(connection, { opening, texts, watched });
    if (effect !== "catalog") return leavesAll(effect);
    await runTogether(connection, ["BEGIN", ...opening, ...texts]);
    const found = await readSchemaSnapshot(connection);
    await connection.execute("ROLLBACK");
    return isSameSchema(await readAfter(), found);
  } finally {
    await newSessionAfter(connection, script);
  }
}
