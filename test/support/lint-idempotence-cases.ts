/** A migration, and what PostgreSQL makes of its second run. */
export interface RerunCase {
  readonly setup?: string;
  readonly sql: string;
  /** What the app does between the runs. */
  readonly between?: string;
  /** A SQLSTATE, what is not the same afterwards, or that all is the same. */
  readonly outcome: string;
}

const users =
  "CREATE TABLE users (id bigint PRIMARY KEY, name text, n int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);";
const filled = `${users} INSERT INTO users (id, name, n) VALUES (1, 'Ada', 1), (2, NULL, 2);`;
const enumType = "CREATE TYPE mood AS ENUM ('sad');";
const trigger = `${users} CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';`;

export const rerunCases: readonly RerunCase[] = [
  {
    setup: users,
    sql: "INSERT INTO users (id, n, name) VALUES (7, 1, 'x') ON CONFLICT (id) DO UPDATE SET n = excluded.n, name = now() WHERE users.n < excluded.n",
    outcome: "clean",
  },
  { sql: "CREATE TABLE t (a int)", outcome: "42P07" },
  { sql: "CREATE TABLE IF NOT EXISTS t (a int)", outcome: "clean" },
  { sql: "CREATE TEMP TABLE t (a int)", outcome: "clean" },
  { sql: "CREATE TABLE t AS SELECT 1 AS a", outcome: "42P07" },
  { sql: "SELECT 1 AS a INTO t", outcome: "42P07" },
  { sql: "CREATE TABLE helper (a int); DROP TABLE helper", outcome: "clean" },
  { sql: "DROP TABLE IF EXISTS t; CREATE TABLE t (a int)", between: "INSERT INTO t VALUES (1)", outcome: "rows" },
  {
    sql: "DROP TABLE IF EXISTS t; CREATE TABLE t (a int); CREATE INDEX t_a ON t (a); ALTER TABLE t ADD COLUMN b int",
    between: "INSERT INTO t VALUES (1)",
    outcome: "rows",
  },
  { setup: users, sql: "CREATE INDEX users_name ON users (name)", outcome: "42P07" },
  { setup: users, sql: "CREATE INDEX IF NOT EXISTS users_name ON users (name)", outcome: "clean" },
  { setup: users, sql: "CREATE INDEX ON users (name)", outcome: "schema" },
  { setup: users, sql: "CREATE INDEX CONCURRENTLY users_name ON users (name)", outcome: "42P07" },
  { setup: users, sql: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_name ON users (name)", outcome: "clean" },
  { setup: users, sql: "DROP INDEX IF EXISTS users_name; CREATE INDEX users_name ON users (name)", outcome: "clean" },
  { sql: "CREATE SEQUENCE s", outcome: "42P07" },
  { sql: "CREATE SEQUENCE IF NOT EXISTS s", outcome: "clean" },
  {
    sql: "DROP SEQUENCE IF EXISTS s; CREATE SEQUENCE s",
    between: "SELECT nextval('s'), nextval('s')",
    outcome: "rows",
  },
  { sql: "CREATE SCHEMA app", outcome: "42P06" },
  { sql: "CREATE SCHEMA IF NOT EXISTS app; CREATE TABLE IF NOT EXISTS app.t (a int)", outcome: "clean" },
  { sql: "CREATE EXTENSION citext", outcome: "42710" },
  { setup: users, sql: "CREATE MATERIALIZED VIEW m AS SELECT 1 AS a", outcome: "42P07" },
  { setup: users, sql: "CREATE VIEW v AS SELECT id FROM users", outcome: "42P07" },
  { setup: users, sql: "CREATE OR REPLACE VIEW v AS SELECT id FROM users", outcome: "clean" },
  {
    setup: users,
    sql: "CREATE OR REPLACE VIEW v AS SELECT id FROM users; CREATE OR REPLACE VIEW v AS SELECT id, name FROM users",
    outcome: "42P16",
  },
  { setup: users, sql: "DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT id FROM users", outcome: "clean" },
  { sql: "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", outcome: "42723" },
  { sql: "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", outcome: "clean" },
  {
    sql: "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a'; DROP FUNCTION f(int); CREATE OR REPLACE FUNCTION f(a int) RETURNS text LANGUAGE sql AS 'SELECT a::text'",
    outcome: "42P13",
  },
  {
    sql: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a'; CREATE FUNCTION f(a text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    outcome: "42723",
  },
  { sql: "CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)", outcome: "42723" },
  {
    setup: trigger,
    sql: "CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    outcome: "42710",
  },
  {
    setup: trigger,
    sql: "CREATE OR REPLACE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    outcome: "clean",
  },
  {
    setup: trigger,
    sql: "CREATE CONSTRAINT TRIGGER touched AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    outcome: "42710",
  },
  {
    setup: trigger,
    sql: "DROP TRIGGER IF EXISTS touched ON users; CREATE TRIGGER touched BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
    outcome: "clean",
  },
  { sql: "CREATE TYPE mood AS ENUM ('sad')", outcome: "42710" },
  { sql: "CREATE TYPE pair AS (a int, b int)", outcome: "42710" },
  { sql: "CREATE TYPE span AS RANGE (SUBTYPE = int)", outcome: "42710" },
  {
    sql: "DO $$ BEGIN IF to_regtype('mood') IS NULL THEN CREATE TYPE mood AS ENUM ('sad'); END IF; END $$",
    outcome: "clean",
  },
  {
    sql: "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    outcome: "clean",
  },
  { sql: "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad'); END $$", outcome: "42710" },
  { sql: "CREATE DOMAIN positive AS int CHECK (VALUE > 0)", outcome: "42710" },
  {
    setup: "CREATE DOMAIN positive AS int",
    sql: "ALTER DOMAIN positive ADD CONSTRAINT above CHECK (VALUE > 0)",
    outcome: "42710",
  },
  { setup: users, sql: "CREATE POLICY own ON users USING (true)", outcome: "42710" },
  {
    setup: users,
    sql: "DROP POLICY IF EXISTS own ON users; CREATE POLICY own ON users USING (true)",
    outcome: "clean",
  },
  { setup: users, sql: "CREATE RULE quiet AS ON DELETE TO users DO INSTEAD NOTHING", outcome: "42710" },
  { sql: "CREATE PUBLICATION stream", outcome: "42710" },
  { setup: `${users} CREATE PUBLICATION stream;`, sql: "ALTER PUBLICATION stream ADD TABLE users", outcome: "42710" },
  { setup: `${users} CREATE PUBLICATION stream;`, sql: "ALTER PUBLICATION stream SET TABLE users", outcome: "clean" },
  { sql: "CREATE COLLATION german (provider = icu, locale = 'de')", outcome: "42710" },
  { setup: users, sql: "CREATE STATISTICS together ON id, n FROM users", outcome: "42710" },
  { sql: "CREATE TYPE a1 AS ENUM ('x'); CREATE CAST (a1 AS int) WITH INOUT", outcome: "42710" },
  { setup: users, sql: "ALTER TABLE users ADD COLUMN locale text", outcome: "42701" },
  { setup: users, sql: "ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text", outcome: "clean" },
  { setup: users, sql: "ALTER TABLE users ADD COLUMN a int, ADD COLUMN b int", outcome: "42701" },
  { setup: users, sql: "ALTER TABLE users ADD COLUMN half int; ALTER TABLE users DROP COLUMN half", outcome: "clean" },
  { setup: users, sql: "ALTER TABLE users DROP COLUMN name", outcome: "42703" },
  { setup: users, sql: "ALTER TABLE users DROP COLUMN IF EXISTS name", outcome: "clean" },
  { setup: users, sql: "ALTER TABLE users ADD CONSTRAINT above CHECK (n >= 0)", outcome: "42710" },
  { setup: users, sql: "ALTER TABLE users ADD CHECK (n >= 0)", outcome: "schema" },
  { setup: users, sql: "ALTER TABLE users ADD UNIQUE (name)", outcome: "schema" },
  { setup: "CREATE TABLE bare (id int NOT NULL);", sql: "ALTER TABLE bare ADD PRIMARY KEY (id)", outcome: "42P16" },
  {
    setup: users,
    sql: "ALTER TABLE users DROP CONSTRAINT IF EXISTS above; ALTER TABLE users ADD CONSTRAINT above CHECK (n >= 0)",
    outcome: "clean",
  },
  { setup: users, sql: "ALTER TABLE users DROP CONSTRAINT users_pkey", outcome: "42704" },
  {
    setup: users,
    sql: "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'above') THEN ALTER TABLE users ADD CONSTRAINT above CHECK (n >= 0); END IF; END $$",
    outcome: "clean",
  },
  {
    setup: "CREATE TABLE p (name text CONSTRAINT p_pkey PRIMARY KEY);",
    sql: "ALTER TABLE p DROP CONSTRAINT IF EXISTS p_pkey, ADD COLUMN IF NOT EXISTS id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    outcome: "schema",
  },
  {
    setup: "CREATE TABLE p (name text);",
    sql: "ALTER TABLE p DROP CONSTRAINT IF EXISTS p_code_key; ALTER TABLE p ADD COLUMN IF NOT EXISTS code text UNIQUE",
    outcome: "schema",
  },
  {
    setup: users,
    sql: "ALTER TABLE users DROP CONSTRAINT IF EXISTS users_team_fkey; CREATE TABLE IF NOT EXISTS teams (id bigint PRIMARY KEY); ALTER TABLE users ADD COLUMN IF NOT EXISTS team bigint REFERENCES teams",
    outcome: "schema",
  },
  {
    sql: "DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE IF NOT EXISTS people (id int, mood mood)",
    outcome: "schema",
  },
  {
    sql: "DROP TABLE IF EXISTS a CASCADE; CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE IF NOT EXISTS b (a int REFERENCES a)",
    outcome: "schema",
  },
  {
    setup: "CREATE TABLE bare (id int NOT NULL);",
    sql: "ALTER TABLE bare ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
    outcome: "55000",
  },
  {
    setup: users,
    sql: "ALTER TABLE users ALTER COLUMN n DROP DEFAULT, ALTER COLUMN n DROP NOT NULL",
    outcome: "clean",
  },
  { setup: users, sql: "ALTER TABLE users ALTER COLUMN n TYPE bigint", outcome: "clean" },
  { setup: filled, sql: "ALTER TABLE users ALTER COLUMN n TYPE int USING n * 100", outcome: "rows" },
  {
    setup: "CREATE TABLE log (at date) PARTITION BY RANGE (at); CREATE TABLE log_1 (at date);",
    sql: "ALTER TABLE log ATTACH PARTITION log_1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    outcome: "42809",
  },
  {
    setup: "CREATE TABLE log (at date) PARTITION BY RANGE (at); CREATE TABLE log_1 PARTITION OF log DEFAULT;",
    sql: "ALTER TABLE log DETACH PARTITION log_1",
    outcome: "42P01",
  },
  { setup: enumType, sql: "ALTER TYPE mood ADD VALUE 'fine'", outcome: "42710" },
  { setup: enumType, sql: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'fine'", outcome: "clean" },
  { setup: enumType, sql: "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'", outcome: "22023" },
  { setup: "CREATE TYPE pair AS (a int);", sql: "ALTER TYPE pair ADD ATTRIBUTE b int", outcome: "42701" },
  { setup: users, sql: "ALTER TABLE users RENAME COLUMN name TO nick", outcome: "42703" },
  { setup: users, sql: "ALTER TABLE users RENAME TO members", outcome: "42P01" },
  { setup: users, sql: "ALTER TABLE IF EXISTS users RENAME TO members", outcome: "clean" },
  {
    setup: users,
    sql: "ALTER TABLE IF EXISTS users RENAME TO old_users; CREATE TABLE IF NOT EXISTS users (id int)",
    outcome: "42P07",
  },
  { setup: users, sql: "ALTER TABLE users RENAME CONSTRAINT users_pkey TO users_key", outcome: "42704" },
  { setup: enumType, sql: "ALTER TYPE mood RENAME TO feeling", outcome: "42704" },
  {
    setup: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';",
    sql: "ALTER FUNCTION f(int) RENAME TO g",
    outcome: "42883",
  },
  { setup: `${users} CREATE SCHEMA app;`, sql: "ALTER TABLE users SET SCHEMA app", outcome: "42P01" },
  {
    setup: users,
    sql: "DO $$ BEGIN IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'name') THEN ALTER TABLE users RENAME COLUMN name TO nick; END IF; END $$",
    outcome: "clean",
  },
  {
    setup: users,
    sql: "ALTER TABLE users ADD COLUMN n2 bigint; UPDATE users SET n2 = n WHERE n2 IS NULL; ALTER TABLE users DROP COLUMN n; ALTER TABLE users RENAME COLUMN n2 TO n",
    outcome: "clean",
  },
  { setup: users, sql: "DROP TABLE users", outcome: "42P01" },
  { setup: users, sql: "DROP TABLE IF EXISTS users", outcome: "clean" },
  {
    setup: "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';",
    sql: "DROP FUNCTION f",
    outcome: "42883",
  },
  { setup: `${users} CREATE VIEW v AS SELECT id FROM users;`, sql: "DROP VIEW v", outcome: "42P01" },
  { setup: users, sql: "INSERT INTO users (id) VALUES (7)", outcome: "23505" },
  {
    setup: "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);",
    sql: "INSERT INTO log (what) VALUES ('start')",
    outcome: "rows",
  },
  {
    setup: "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);",
    sql: "INSERT INTO log (what) VALUES ('start') ON CONFLICT DO NOTHING",
    outcome: "rows",
  },
  { setup: users, sql: "INSERT INTO users (id) VALUES (7) ON CONFLICT (id) DO NOTHING", outcome: "clean" },
  { setup: users, sql: "INSERT INTO users (id) VALUES (7) ON CONFLICT DO NOTHING", outcome: "clean" },
  {
    setup: users,
    sql: "INSERT INTO users (id, n) VALUES (7, 1) ON CONFLICT (id) DO UPDATE SET n = users.n + excluded.n",
    outcome: "rows",
  },
  {
    setup: users,
    sql: "INSERT INTO users (id, n) VALUES (7, 1) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
    outcome: "clean",
  },
  {
    setup: users,
    sql: "INSERT INTO users (id) SELECT 7 WHERE NOT EXISTS (SELECT FROM users WHERE id = 7)",
    outcome: "clean",
  },
  { setup: users, sql: "DELETE FROM users WHERE id = 7; INSERT INTO users (id) VALUES (7)", outcome: "clean" },
  {
    setup: `${filled} CREATE TABLE archive (id bigint);`,
    sql: "WITH moved AS (DELETE FROM users WHERE n > 1 RETURNING id) INSERT INTO archive SELECT id FROM moved",
    outcome: "clean",
  },
  { setup: filled, sql: "UPDATE users SET n = n + 1", outcome: "rows" },
  { setup: filled, sql: "UPDATE users SET n = n + 1 WHERE n > 0", outcome: "rows" },
  { setup: filled, sql: "UPDATE users SET n = n + 1, done = true WHERE NOT done", outcome: "clean" },
  { setup: filled, sql: "UPDATE users SET name = lower(name)", outcome: "clean" },
  { setup: filled, sql: "UPDATE users SET name = 'x' || name", outcome: "rows" },
  { setup: filled, sql: "UPDATE users SET name = 'unknown' WHERE name IS NULL", outcome: "clean" },
  { setup: filled, sql: "UPDATE users SET name = gen_random_uuid()", outcome: "rows" },
  { setup: filled, sql: "UPDATE users SET name = gen_random_uuid() WHERE name IS NULL", outcome: "clean" },
  { setup: filled, sql: "DELETE FROM users WHERE n = 1", outcome: "clean" },
  { setup: filled, sql: "DO $$ BEGIN UPDATE users SET n = n * 2; END $$", outcome: "rows" },
  { setup: "CREATE SEQUENCE s;", sql: "SELECT nextval('s')", outcome: "rows" },
  { setup: "CREATE SEQUENCE s;", sql: "SELECT setval('s', 1000)", between: "SELECT nextval('s')", outcome: "rows" },
  {
    setup: "CREATE SEQUENCE s;",
    sql: "ALTER SEQUENCE s RESTART WITH 500",
    between: "SELECT nextval('s'), nextval('s')",
    outcome: "rows",
  },
  { setup: `${filled} CREATE SEQUENCE s;`, sql: "SELECT setval('s', max(id)) FROM users", outcome: "clean" },
  {
    setup: users,
    sql: "COMMENT ON TABLE users IS 'people'; GRANT SELECT ON users TO public; ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    outcome: "clean",
  },
  {
    setup: users,
    sql: "ALTER TABLE users ALTER COLUMN n SET DEFAULT 5; ALTER TABLE users REPLICA IDENTITY FULL; ALTER TABLE users SET (fillfactor = 70)",
    outcome: "clean",
  },
];
