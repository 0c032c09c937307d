import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { Script } from "../migrate/script.js";
import { effectOf, leavesAll } from "./effect.js";
import { byStatement, findingAt, objectsOf, refusedAt } from "./finding.js";
import type { ProofGround } from "./ground.js";
import type { ProofFinding } from "./model.js";
import { checkDeferred, newSessionAfter, newSessionTexts, runWhole, textsOf } from "./run.js";
import { schemaChanges } from "./state.js";

/**
 * Runs all migrations a second time on the final state, which is no longer that then. It says little of a single file: what
 * a later migration dropped, an earlier one makes again.
 */
export async function replayFindings(
  ground: ProofGround,
  migrations: readonly ParsedMigration[],
): Promise<readonly ProofFinding[]> {
  const connection = await ground.connect();
  let final: SchemaSnapshot | undefined;
  for (const { file, up } of migrations) {
    if (final === undefined && (await doesNothing(connection, up))) continue;
    final ??= await readSchemaSnapshot(connection);
    const stop = await runWhole(connection, up);
    if (stop === undefined) continue;
    const what = "run again after all the others, it fails";
    return [refusedAt("replay-fails", { migration: file.name, script: up }, { stop, what, hint })];
  }
  if (final === undefined) return [];
  const changes = schemaChanges(final, await readSchemaSnapshot(connection));
  const last = migrations.at(-1);
  if (last === undefined) return [];
  const findings = byStatement(changes, () => undefined).map(([, own]) =>
    findingAt(
      "replay-differs",
      { migration: last.file.name, script: last.up },
      {
        changes: own,
        message: `all migrations run again on the final state do not come to the same: ${objectsOf(own)}`,
        hint,
      },
    ),
  );
  return findings;
}

/** Then it need not run for good. */
async function doesNothing(connection: Connection, script: Script): Promise<boolean> {
  if (!script.isTransactional) return false;
  const texts = [...textsOf(script.statements), checkDeferred, ...newSessionTexts(script)];
  const effect = await effectOf(connection, { opening: [], texts });
  await newSessionAfter(connection, script);
  return leavesAll(effect);
}

const hint = "nothing to do unless somebody runs the whole folder again: roomctl never does";
