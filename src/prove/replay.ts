import { readSchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import { byStatement, findingAt, objectsOf, refusedAt } from "./finding.js";
import { openTrial, type ProofGround, runWhole } from "./ground.js";
import type { ProofFinding } from "./model.js";
import { schemaChanges } from "./state.js";

/**
 * Runs all migrations a second time on the final state. It says little of a single file: what a later migration dropped, an
 * earlier one makes again.
 */
export async function replayFindings(
  ground: ProofGround,
  migrations: readonly ParsedMigration[],
): Promise<readonly ProofFinding[]> {
  await using template = await ground.copy();
  await using trial = await openTrial(ground.server, template);
  const final = await readSchemaSnapshot(trial.connection);
  for (const { file, up } of migrations) {
    const stop = await runWhole(trial.connection, up);
    if (stop === undefined) continue;
    const what = "run again after all the others, it fails";
    return [refusedAt("replay-fails", { migration: file.name, script: up }, { stop, what, hint })];
  }
  const changes = schemaChanges(final, await readSchemaSnapshot(trial.connection));
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

const hint = "nothing to do unless somebody runs the whole folder again: roomctl never does";
