import { expect, test } from "vitest";
import { mirrorStatement } from "../../src/store/mirror-statement.js";
import type { Note } from "../support/store.js";
import { createStoreDatabase, deletingMirror, notesIn } from "../support/store-database.js";

test("rows that refer to those of another map are never refused for it, however both come and go", async () => {
  await using scene = await createStoreDatabase({ maxRows: 20, flushMs: 1 });
  const { store, database, direct, fence } = scene;
  await direct.execute(
    "CREATE TABLE marks (id text PRIMARY KEY REFERENCES notes ON DELETE CASCADE, at bigint, epoch bigint, version bigint)",
  );
  const notes = store.map<Note>({ name: "notes", mirror: deletingMirror });
  const marks = store.map<{ readonly at: number }>({
    name: "marks",
    mirror: {
      table: "marks",
      statement: mirrorStatement({ table: "marks", key: ["id"], columns: { id: "text", at: "bigint" } }),
      toRow: (id, { at }, { version, deleted }) => ({ id, at, version, deleted }),
      after: notes,
    },
  });
  store.attach(database, fence);
  for (let round = 0; round < 200; round += 1) {
    for (let index = 0; index < 10; index += 1) {
      const key = `n${(round * 10 + index) % 150}`;
      if (notes.has(key) && round % 3 === 0) {
        marks.delete(key);
        notes.delete(key);
      } else {
        notes.set(key, { text: `${round}` });
        marks.set(key, { at: round });
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await store.drain(20_000)).toEqual({ left: 0 });
  expect(marks.refused).toEqual([]);
  expect(Object.keys(await notesIn(direct)).sort()).toEqual([...notes.keys()].sort());
  const rows = await direct.query<{ id: string; at: string }>("SELECT id, at FROM marks");
  expect(new Map(rows.map(({ id, at }) => [id, Number(at)]))).toEqual(
    new Map([...marks].map(([key, { at }]) => [key, at])),
  );
});
