import { makeRoles } from "./roles.js";

/** Roles of the server that the rich schema names; made once a server, and left to it. */
export const richRoles = makeRoles("rich_reader", "rich_other");

/** One object, at least, of each kind that a snapshot tells of. */
export const richSchema = `
  CREATE SCHEMA "odd ""schema";
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
  CREATE DOMAIN positive AS int CONSTRAINT above CHECK (VALUE > 0);
  CREATE TYPE pair AS (a int, b text);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE COLLATION plain FROM "C";
  CREATE SEQUENCE counter;
  CREATE TABLE parent (id int CONSTRAINT parent_pkey PRIMARY KEY, mood mood NOT NULL DEFAULT 'sad', n positive,
    body text, label text COLLATE plain DEFAULT 'x', at date CONSTRAINT late CHECK (at > '2000-01-01'), unique (n));
  CREATE TABLE "odd ""schema"."odd.table" ("a b" int GENERATED ALWAYS AS IDENTITY, parent int CONSTRAINT to_parent
    REFERENCES parent ON DELETE CASCADE, twice int GENERATED ALWAYS AS (parent * 2) STORED, CHECK (parent > 0));
  CREATE TABLE events (at date NOT NULL, kind int) PARTITION BY RANGE (at);
  CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
  CREATE TABLE base (a int); CREATE TABLE derived (b int) INHERITS (base);
  CREATE TABLE typed OF pair;
  CREATE INDEX events_kind ON events (kind);
  CREATE INDEX parent_mood ON parent (mood) WHERE n IS NOT NULL;
  CREATE INDEX parent_body ON parent (lower(body)) WITH (fillfactor = 90);
  CREATE UNIQUE INDEX parent_label ON parent (label, id);
  CREATE STATISTICS parent_stat ON mood, n FROM parent;
  CREATE VIEW moods AS SELECT mood FROM parent;
  CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS n FROM parent;
  CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
  CREATE FUNCTION same(a int, b int) RETURNS bool LANGUAGE sql AS 'SELECT a = b';
  CREATE FUNCTION number(m mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1';
  CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0');
  CREATE OPERATOR === (leftarg = int, rightarg = int, function = same);
  CREATE OPERATOR CLASS int_own FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=,
    OPERATOR 5 >, FUNCTION 1 btint4cmp(int, int);
  CREATE CAST (mood AS int) WITH FUNCTION number(mood);
  CREATE CONVERSION own_conversion FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
  CREATE TEXT SEARCH DICTIONARY own_words (template = simple);
  CREATE TEXT SEARCH CONFIGURATION own_search (copy = simple);
  CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
  CREATE TRIGGER touched BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE TRIGGER noted AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch();
  CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
  CREATE EVENT TRIGGER watched ON sql_drop EXECUTE FUNCTION watch();
  ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON parent FOR SELECT TO rich_reader USING (id = 1);
  CREATE RULE quiet AS ON DELETE TO parent DO INSTEAD NOTHING;
  CREATE PUBLICATION feed FOR TABLE parent;
  CREATE FOREIGN DATA WRAPPER files;
  CREATE SERVER far FOREIGN DATA WRAPPER files OPTIONS (host 'a', password 'first');
  CREATE USER MAPPING FOR rich_reader SERVER far OPTIONS (user 'x', password 'second');
  CREATE FOREIGN TABLE remote (a int) SERVER far OPTIONS (name 'r');
  COMMENT ON TABLE parent IS 'two
lines';
  COMMENT ON COLUMN parent.n IS 'a number';
  COMMENT ON FUNCTION double(int) IS 'twice';
  GRANT SELECT ON parent TO rich_reader;
`;
