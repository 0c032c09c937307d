import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ManifestDatabase } from "../../src/backup/manifest.js";
import { loadParser } from "../../src/db/parse.js";
import { createDatabaseStatement, propertyStatements } from "../../src/restore/database-words.js";
import { type PostDataItem, planPostData } from "../../src/restore/post-data-plan.js";
import { runBatch } from "../../src/restore/schedule.js";
import { readScript } from "../../src/restore/script.js";

const parser = await loadParser();
const known = new Set(["search_path", "default_tablespace", "statement_timeout"]);

test("a script's settings go with each statement, until its transaction ends; unknown ones are left out", () => {
  const script = `-- PostgreSQL database dump
\\restrict abcDEF123
SET statement_timeout = 0;
SET transaction_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.a (id int); -- the first
SET default_tablespace = fast;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT ';' $$;
\\unrestrict abcDEF123
`;
  const shared = ["SET LOCAL statement_timeout = 0", "SELECT pg_catalog.set_config('search_path', '', true)"];
  expect(readScript(parser, script, known)).toMatchObject([
    { sql: "CREATE TABLE public.a (id int)", line: 6, settings: shared },
    {
      sql: "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT ';' $$",
      line: 8,
      settings: [...shared, "SET LOCAL default_tablespace = fast"],
    },
  ]);
});

test("what another role granted is granted in its name again, and only that", () => {
  const byPgDump =
    'SET SESSION AUTHORIZATION "the friend"; GRANT SELECT ON a TO b; RESET SESSION AUTHORIZATION; GRANT SELECT ON a TO c;';
  const byCatalog = 'SET ROLE "the friend"; GRANT SELECT ON a TO b; RESET ROLE; GRANT SELECT ON a TO c;';
  for (const script of [byPgDump, byCatalog]) {
    expect(readScript(parser, script, known)).toMatchObject([
      { sql: "GRANT SELECT ON a TO b", settings: ['SET LOCAL ROLE "the friend"'] },
      { sql: "GRANT SELECT ON a TO c", settings: ["SET LOCAL role TO DEFAULT"] },
    ]);
  }
});

test("lines that only look like psql's commands stay in bodies and comments", () => {
  const script = "COMMENT ON TABLE a IS 'how:\n\\restrict me\n';\nCOMMENT ON TABLE b IS '\n\\unrestrict me\n';\n";
  expect(readScript(parser, script, known).map(({ sql }) => sql)).toEqual([
    "COMMENT ON TABLE a IS 'how:\n\\restrict me\n'",
    "COMMENT ON TABLE b IS '\n\\unrestrict me\n'",
  ]);
});

const postData = `
  ALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id);
  COMMENT ON CONSTRAINT a_pkey ON public.a IS 'key';
  ALTER TABLE public.a CLUSTER ON a_pkey;
  CREATE INDEX a_x ON public.a USING btree (x);
  CREATE INDEX b_x ON public.b USING btree (x);
  ALTER INDEX public.p_x ATTACH PARTITION public.b_x;
  CREATE TRIGGER t BEFORE INSERT ON public.a FOR EACH ROW EXECUTE FUNCTION public.f();
  ALTER TABLE ONLY public.a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES public.b(id);
  ALTER TABLE ONLY public.b ADD CONSTRAINT to_c FOREIGN KEY (c) REFERENCES public.c(id) NOT VALID;
  CREATE PUBLICATION p FOR ALL TABLES;
  CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION public.g();
  ALTER EVENT TRIGGER e OWNER TO postgres;
  COMMENT ON EVENT TRIGGER e IS 'last';
  REFRESH MATERIALIZED VIEW public.v;
`;

test("neighbours that build indexes or check foreign keys share a batch; event triggers come last", () => {
  const { batches, last } = planPostData(readScript(parser, postData, known));
  expect(batches.map((items) => items.map(({ number, statements }) => [number, statements.length]))).toEqual([
    [
      [1, 3],
      [4, 1],
      [5, 1],
    ],
    [[6, 1]],
    [[7, 1]],
    [
      [8, 1],
      [9, 1],
    ],
    [[10, 1]],
  ]);
  expect(last.length).toBe(3);
});

test("items of a batch run side by side only where their locks allow it, and a failure ends it", async () => {
  const [items = []] = planPostData(readScript(parser, postData, known)).batches;
  const seen: string[] = [];
  let endOther = () => {};
  const otherEnded = new Promise<void>((resolve) => {
    endOther = resolve;
  });
  const work = async ({ number }: PostDataItem) => {
    seen.push(`+${number}`);
    await (number === 1 ? otherEnded : sleep(1));
    seen.push(`-${number}`);
    if (number === 5) endOther();
  };
  await runBatch(items, 3, work);
  // 4 waits for the key of its table; 5 is of another one.
  expect(seen).toEqual(["+1", "+5", "-5", "-1", "+4", "-4"]);
  const fail = async ({ number }: PostDataItem) => {
    if (number === 1) throw new Error("no room");
    return work({ number } as PostDataItem);
  };
  seen.length = 0;
  await expect(runBatch(items, 3, fail)).rejects.toThrow("no room");
  expect(seen).toEqual(["+5", "-5"]);
});

const database: ManifestDatabase = {
  owner: "me",
  encoding: "UTF8",
  collate: "C",
  ctype: "C",
  localeProvider: "i",
  locale: "de-x-icu",
  connectionLimit: -1,
  comment: null,
  settings: [
    { role: null, name: "search_path", value: '"$user", public, "a, ""b"' },
    { role: "o'hara", name: "app.level", value: "it's" },
    { role: null, name: "search_path", value: "" },
  ],
};

test("a database is made with the locale of the source, and gets its settings back name by name", () => {
  expect(createDatabaseStatement("x", database, 15)).toBe(
    `CREATE DATABASE "x" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'de-x-icu'`,
  );
  expect(() => createDatabaseStatement("x", { ...database, localeProvider: "b" }, 15)).toThrow(
    "PostgreSQL 15 has no locale provider builtin",
  );
  expect(propertyStatements("x", database).slice(0, 3)).toEqual([
    `ALTER DATABASE "x" SET "search_path" TO '$user', 'public', 'a, "b'`,
    `ALTER ROLE "o'hara" IN DATABASE "x" SET "app"."level" TO 'it''s'`,
    `ALTER DATABASE "x" SET "search_path" TO ''`,
  ]);
});
