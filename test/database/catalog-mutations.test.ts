import { describe, expect, test } from "vitest";
import { writeSchema } from "../../src/catalog/write.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import type { Connection } from "../../src/db/pool.js";
import { compareSnapshots, readSchemaSnapshot, type SchemaSnapshot } from "../../src/db/snapshot.js";
import { createSource, makeTablespace } from "../support/catalog.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";
import { type Mutation, mutations, mutations18 } from "../support/schema-mutations.js";

/** Nothing writes these; all the others are written. Fewer may stand here one day, more may not. */
const refused = [
  'constraint "odd ""schema"."odd.table" to_parent (its triggers are disabled)',
  "index public.parent_mood (it is invalid: REINDEX or drop it)",
];
/** Changes are tried together, as many as do not undo each other: a round trip for each would take minutes. */
const batchCount = 16;

describe.each(serverNames)("a schema written from the catalog of %s", (server) => {
  const cases = server === "postgres18" ? [...mutations, ...mutations18] : mutations;

  test(`is equal after ${cases.length - refused.length} changes, and refused after ${refused.length}`, async () => {
    await using source = await createSource(server, richRoles, richSchema);
    await makeTablespace(source);
    await using database = await source.open();
    await using connection = await database.connect();
    await using copy = await createScratchDatabase({ server });
    await using target = await copy.open();
    await using session = await target.connect();
    const base = await readSchemaSnapshot(connection);
    const refusals: string[] = [];
    const differences: string[] = [];
    let equal = 0;
    const tryOut = async (batch: readonly Mutation[]): Promise<readonly Mutation[]> => {
      await connection.execute("BEGIN");
      const { done, left } = await applyBatch(connection, batch, source.target.database);
      const snapshot = await readSchemaSnapshot(connection);
      const changed = compareSnapshots(base, snapshot);
      // What a later change of the batch undid is tried again.
      const seen = done.filter(([, key]) => changed.some((line) => line.slice(2).startsWith(`${key}: `)));
      const outcome = await outcomeOf(connection, session, snapshot);
      await connection.execute("ROLLBACK");
      if (outcome.refusal !== undefined && batch.length > 1) return batch;
      if (outcome.refusal !== undefined) refusals.push(outcome.refusal);
      else if (outcome.lines.length === 0) equal += seen.length;
      differences.push(...outcome.lines.map((line) => `${done.map(([sql]) => sql).join("; ")}: ${line}`));
      return [...left, ...done.filter((mutation) => !seen.includes(mutation))];
    };
    const again: Mutation[] = [];
    for (let batch = 0; batch < batchCount; batch++) {
      again.push(...(await tryOut(cases.filter(([sql], index) => index % batchCount === batch && !isAlone(sql)))));
    }
    for (const mutation of [...again, ...cases.filter(([sql]) => isAlone(sql))]) await tryOut([mutation]);
    expect(differences).toEqual([]);
    expect(refusals.sort()).toEqual(refused.map((object) => `unsupported objects: ${object}`));
    expect(equal).toBe(cases.length - refused.length);
  });
});

/** Those that are refused would take their batch with them. */
function isAlone(sql: string): boolean {
  return /DISABLE TRIGGER ALL|UPDATE pg_index/.test(sql);
}

async function applyBatch(connection: Connection, batch: readonly Mutation[], database: string) {
  const done: Mutation[] = [];
  const left: Mutation[] = [];
  for (const mutation of batch) {
    await connection.execute("SAVEPOINT change");
    try {
      await connection.execute(mutation[0].replaceAll("%database%", quoteIdentifier(database)));
      done.push(mutation);
    } catch {
      // Another one of the batch is in its way.
      await connection.execute("ROLLBACK TO change");
      left.push(mutation);
    }
  }
  return { done, left };
}

async function outcomeOf(connection: Connection, session: Connection, before: SchemaSnapshot) {
  try {
    const { preData, postData } = await writeSchema(connection);
    return { lines: compareSnapshots(before, await built(session, preData + postData)), refusal: undefined };
  } catch (error) {
    if (Reflect.get(Object(error), "code") === "E_UNSUPPORTED")
      return { lines: [], refusal: Reflect.get(Object(error), "message") };
    return { lines: [String(error)], refusal: undefined };
  }
}

/** In a transaction that is taken back, so that the next one finds an empty database again. */
async function built(session: Connection, script: string): Promise<SchemaSnapshot> {
  await session.execute("BEGIN");
  try {
    await session.execute(script);
    return await readSchemaSnapshot(session);
  } finally {
    await session.execute("ROLLBACK");
  }
}
