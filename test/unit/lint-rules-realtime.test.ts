import { expect, test } from "vitest";
import { foundBy } from "../support/lint-found.js";

const found = (before: string, sql: string) => foundBy(["realtime"], { before, sql });
const keyed = "CREATE TABLE users (id bigint PRIMARY KEY, nick text);";
const bare = "CREATE TABLE clicks (at timestamptz NOT NULL);";
const all = "CREATE PUBLICATION stream FOR ALL TABLES;";
const trigger = (body: string) =>
  `CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE payload text; BEGIN ${body} RETURN NEW; END $$`;

test.each([
  [bare, "CREATE PUBLICATION stream FOR TABLE clicks", "published-table-without-identity error"],
  [bare, all, "published-table-without-identity error"],
  [
    `${bare} CREATE PUBLICATION stream;`,
    "ALTER PUBLICATION stream ADD TABLE clicks",
    "published-table-without-identity error",
  ],
  [all, bare, "published-table-without-identity error"],
  [keyed + all, "ALTER TABLE users DROP CONSTRAINT users_pkey", "published-table-changed error"],
  [keyed + all, "ALTER TABLE users DROP COLUMN nick", "published-table-changed warning"],
  [keyed + all, "ALTER TABLE users RENAME COLUMN nick TO nickname", "published-table-changed warning"],
  [keyed, "ALTER TABLE users REPLICA IDENTITY FULL", "replica-identity warning"],
  [bare, "ALTER TABLE clicks REPLICA IDENTITY FULL", "replica-identity info"],
  [keyed + all, "ALTER TABLE users REPLICA IDENTITY NOTHING", "replica-identity error"],
  ["", trigger("PERFORM pg_notify('c', row_to_json(NEW)::text);"), "notify-whole-row warning"],
  ["", trigger("PERFORM pg_notify('c', json_build_object('row', to_jsonb(NEW))::text);"), "notify-whole-row warning"],
  ["", trigger("payload := row_to_json(NEW); PERFORM pg_notify('c', payload);"), "notify-whole-row warning"],
  [keyed, "ALTER TABLE users ADD COLUMN locale text", "add-column-prepared-star info"],
])("after %s, %s is found as %s", async (before, sql, expected) => {
  expect(await found(before, sql)).toEqual([expected]);
});

test.each([
  [keyed, "CREATE PUBLICATION stream FOR TABLE users"],
  [bare, "CREATE PUBLICATION stream FOR TABLE clicks WITH (publish = 'insert')"],
  [`${bare} ALTER TABLE clicks REPLICA IDENTITY FULL;`, "CREATE PUBLICATION stream FOR TABLE clicks"],
  [all, "CREATE TABLE t (id bigint); ALTER TABLE t ADD PRIMARY KEY (id)"],
  [all, "CREATE UNLOGGED TABLE t (id bigint)"],
  [keyed, "ALTER TABLE users DROP CONSTRAINT users_pkey"],
  ["", trigger("PERFORM pg_notify('c', NEW.id::text);")],
  ["", trigger("INSERT INTO log VALUES (row_to_json(NEW));")],
])("after %s, %s is let through", async (before, sql) => {
  expect(await found(before, sql)).toEqual([]);
});
