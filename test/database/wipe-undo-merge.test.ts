import { describe, expect, test } from "vitest";
import { createBackupFolder, digestTables, longName, oddSchema } from "../support/backup.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { undo, undoPlan, wipeSaved } from "../support/undo.js";
import { scopeOf } from "../support/wipe.js";

describe.each(serverNames)("on %s", (server) => {
  test("a merge brings back what has room, overwrites nothing, and names each kind of conflict", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text, shout text GENERATED ALWAYS AS (upper(email)) STORED,
        boss int REFERENCES people);
      CREATE UNIQUE INDEX people_email ON people (lower(email)) WHERE email <> 'none';
      CREATE UNIQUE INDEX people_shout ON people (shout) NULLS NOT DISTINCT;
      CREATE TABLE places (id int PRIMARY KEY);
      CREATE TABLE rooms (id int PRIMARY KEY, owner int REFERENCES people, place int REFERENCES places, doc json);
      CREATE TABLE slots (room int PRIMARY KEY, during int4range, EXCLUDE USING gist (during WITH &&));
      CREATE TABLE notes (body text);
      INSERT INTO places VALUES (1), (2);
      INSERT INTO people (email, boss) VALUES ('Ann', null), ('bob', 1), ('cyd', 2), ('dan', null), ('eve', 4), ('fay', 5);
      INSERT INTO rooms VALUES (1, 1, 1, '{"a": 1}'), (2, 2, 2, '{}'), (3, 4, 1, '[]'), (4, 6, null, null);
      INSERT INTO slots VALUES (1, '[1,5)'), (2, '[5,9)');
      INSERT INTO notes VALUES ('saved')`);
    const scopes = scopeOf(["people", "rooms", "slots", "notes"]);
    const { receipt } = await wipeSaved(database, folder.directory, scopes);
    await database.execute(`
      INSERT INTO people (id, email) OVERRIDING SYSTEM VALUE VALUES (1, 'Ann'), (2, 'else'), (40, 'DAN');
      DELETE FROM places WHERE id = 2;
      INSERT INTO slots VALUES (9, '[6,7)'); INSERT INTO notes VALUES ('new')`);

    const plan = await undoPlan(database, folder.directory, { merges: true });
    const expected = {
      isComplete: false,
      rows: 3,
      tables: expect.arrayContaining([
        {
          ...{ table: "people", saved: 6, restored: 1, changedBack: 0, columns: [], alreadyThere: 1 },
          conflicts: [
            { kind: "key", rows: 1, about: "people_pkey", keys: ["2"] },
            { kind: "parent", rows: 2, about: "people_boss_fkey", keys: ["5", "6"] },
            { kind: "unique", rows: 1, about: "people_email", keys: ["4"] },
          ],
        },
        {
          ...{ table: "rooms", saved: 4, restored: 1, changedBack: 0, columns: [], alreadyThere: 0 },
          conflicts: [
            { kind: "parent", rows: 2, about: "rooms_owner_fkey", keys: ["3", "4"] },
            { kind: "parent", rows: 1, about: "rooms_place_fkey", keys: ["2"] },
          ],
        },
        {
          ...{ table: "slots", saved: 2, restored: 1, changedBack: 0, columns: [], alreadyThere: 0 },
          conflicts: [{ kind: "unique", rows: 1, about: "slots_during_excl", keys: ["2"] }],
        },
        {
          ...{ table: "notes", saved: 1, restored: 0, changedBack: 0, columns: [], alreadyThere: 0 },
          conflicts: [{ kind: "no key", rows: 1, about: "", keys: [] }],
        },
      ]),
    };
    expect(plan).toMatchObject(expected);
    expect(await database.query("SELECT id FROM people ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }, { id: 40 }]);
    expect(await undo(database, folder.directory, { merges: true })).toMatchObject({ ...expected, receipt });
    expect(await database.query("SELECT id, email, shout, boss FROM people ORDER BY id")).toEqual([
      { id: 1, email: "Ann", shout: "ANN", boss: null },
      { id: 2, email: "else", shout: "ELSE", boss: null },
      { id: 3, email: "cyd", shout: "CYD", boss: 2 },
      { id: 40, email: "DAN", shout: "DAN", boss: null },
    ]);
    expect(await database.query("SELECT id, doc FROM rooms")).toEqual([{ id: 1, doc: { a: 1 } }]);
    expect(await database.query("SELECT body FROM notes")).toEqual([{ body: "new" }]);

    // Partly undone: once the way is free, the rest comes back, and nothing twice.
    await database.execute(
      "DELETE FROM people WHERE id IN (2, 40) OR id = 3; INSERT INTO places VALUES (2); DELETE FROM slots WHERE room = 9; TRUNCATE notes",
    );
    const rest = await undo(database, folder.directory, { merges: true });
    expect(rest.isComplete).toBe(true);
    expect(await database.query("SELECT count(*)::int AS rows FROM people")).toEqual([{ rows: 6 }]);
    expect(await database.query("SELECT count(*)::int AS rows FROM slots")).toEqual([{ rows: 2 }]);
    await expect(undo(database, folder.directory, { merges: true })).rejects.toMatchObject({ code: "E_PLAN_STALE" });
  });

  test("rows whose parents went since refuse a plain undo, and name the way", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`CREATE TABLE people (id int PRIMARY KEY); CREATE TABLE rooms (id int PRIMARY KEY, owner int REFERENCES people);
      INSERT INTO people VALUES (1), (2); INSERT INTO rooms VALUES (1, 1), (2, 2)`);
    const { receipt } = await wipeSaved(database, folder.directory, scopeOf(["rooms"]));
    await database.execute("DELETE FROM people WHERE id = 2");
    await expect(undo(database, folder.directory)).rejects.toMatchObject({
      code: "E_NOT_EMPTY",
      hint: expect.stringContaining(`roomctl wipe undo ${receipt} --merge`),
    });
    expect(await database.query("SELECT FROM rooms")).toEqual([]);
    expect((await undo(database, folder.directory, { merges: true })).rows).toBe(1);
  });

  test("old values go back where the column holds what the wipe left, and nowhere else", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'glad');
      CREATE TABLE app.people (a int, b text, mood app.mood, posts jsonb NOT NULL DEFAULT '[]', at int DEFAULT 0, PRIMARY KEY (a, b));
      CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.at := NEW.at + 1; RETURN NEW; END';
      CREATE TRIGGER touch BEFORE UPDATE ON app.people FOR EACH ROW EXECUTE FUNCTION app.touch();
      INSERT INTO app.people SELECT n, 'x', 'sad', '[1]' FROM generate_series(1, 6) AS n;
      ALTER DATABASE "${scratch.target.database}" SET search_path TO app`);
    await using again = await scratch.open();
    const scopes = scopeOf([], {
      resets: [{ table: "app.people", column: "posts", value: "'[]'" }],
    });
    const { receipt } = await wipeSaved(again, folder.directory, scopes);
    await again.execute(`UPDATE people SET mood = 'glad' WHERE a = 1; UPDATE people SET posts = '[2]' WHERE a = 2;
      UPDATE people SET posts = '[1]' WHERE a = 3; DELETE FROM people WHERE a = 4`);
    await expect(undo(again, folder.directory)).rejects.toMatchObject({
      code: "E_NOT_EMPTY",
      message: expect.stringMatching(
        /app\.people: 1 row with another value in posts.*: 2, x; app\.people: 1 row .* gone now: 4, x/,
      ),
    });
    expect(await undo(again, folder.directory, { merges: true })).toMatchObject({
      receipt,
      changedBack: 3,
      tables: [
        {
          table: "app.people",
          alreadyThere: 1,
          columns: ["posts"],
          conflicts: [{ kind: "changed" }, { kind: "gone" }],
        },
      ],
    });
    const posts = await again.query<{ a: number; posts: unknown; mood: string; at: number }>(
      "SELECT a, posts, mood, at FROM people ORDER BY a",
    );
    expect(posts.map((row) => [row.a, row.posts, row.mood])).toEqual([
      [1, [1], "glad"],
      [2, [2], "sad"],
      [3, [1], "sad"],
      [5, [1], "sad"],
      [6, [1], "sad"],
    ]);
    // The trigger ran for the wipe, and not for the undo.
    expect(posts.find(({ a }) => a === 5)?.at).toBe(1);
  });

  test("values of a table without a key cannot go back, and that is said", async () => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE notes (n int UNIQUE, body text); INSERT INTO notes VALUES (1, 'a')");
    await wipeSaved(
      database,
      folder.directory,
      scopeOf([], { resets: [{ table: "notes", column: "body", value: "''" }] }),
    );
    await expect(undo(database, folder.directory)).rejects.toMatchObject({
      code: "E_NOT_EMPTY",
      message: expect.stringContaining("no primary key or unique index without nulls"),
    });
    await database.execute("ALTER TABLE notes ALTER n SET NOT NULL");
    expect((await undo(database, folder.directory)).changedBack).toBe(1);
    expect(await database.query("SELECT body FROM notes")).toEqual([{ body: "a" }]);
  });

  test("hostile names, circles, partitions, heirs and triggers are no obstacle, merged or not", async () => {
    const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
    const [schema, table] = [quote(oddSchema), quote(longName)];
    const column = quote('co"l\numn.1');
    for (const merges of [false, true]) {
      using folder = createBackupFolder();
      await using scratch = await createScratchDatabase({ server, name: `we"ird\nna.me's ${server} ${merges}` });
      await using database = await scratch.open();
      await database.execute(`CREATE SCHEMA ${schema};
        CREATE TABLE ${schema}.${table} (${column} int PRIMARY KEY, "roomctl_verdict" text, next int REFERENCES ${schema}.${table});
        CREATE TABLE hen (id int PRIMARY KEY, egg int NOT NULL); CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen);
        CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE parts_25 PARTITION OF parts FOR VALUES FROM ('2025-01-01') TO ('2026-01-01'); CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
        CREATE TABLE animals (id int PRIMARY KEY); CREATE TABLE dogs (breed text) INHERITS (animals); CREATE TABLE nothing ();
        INSERT INTO ${schema}.${table} VALUES (1, 'a\tb', null), (2, null, 1), (3, 'restore', 2);
        INSERT INTO hen VALUES (1, 1), (2, 2); INSERT INTO egg VALUES (1, 2), (2, 1); ALTER TABLE hen ADD CONSTRAINT "hen's egg" FOREIGN KEY (egg) REFERENCES egg;
        INSERT INTO parts VALUES (1, '2025-05-05'), (2, '2027-01-01'); INSERT INTO animals VALUES (1); INSERT INTO dogs VALUES (1, 'x');
        INSERT INTO nothing DEFAULT VALUES;
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER no BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION no(); ALTER TABLE parts DISABLE TRIGGER no; ALTER TABLE parts ENABLE ALWAYS TRIGGER no`);
      const before = await digestTables(database);
      const scopes = scopeOf([`${schema}.${table}`, "hen", "egg", "parts", "animals", "nothing"]);
      await wipeSaved(database, folder.directory, scopes);
      expect(await digestTables(database)).not.toEqual(before);
      const done = await undo(database, folder.directory, { merges });
      expect(done).toMatchObject({ isComplete: true, rows: 12 });
      expect(await digestTables(database)).toEqual(before);
      const triggers = await database.query(
        "SELECT tgenabled FROM pg_trigger WHERE tgname = 'no' AND tgrelid = 'parts'::regclass",
      );
      expect(triggers).toEqual([{ tgenabled: "A" }]);
      const keys = await database.query(
        "SELECT FROM pg_constraint WHERE contype = 'f' AND convalidated AND conparentid = 0",
      );
      expect(keys.length).toBe(3);
    }
  });
});
