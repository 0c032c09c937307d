import { makeRoles } from "./roles.js";

/** One difficulty, made in a schema of its own so that all of them fit into one database. */
export type CatalogCase = readonly [name: string, sql: string];

export const catalogRoles = makeRoles(
  "catalog_owner LOGIN PASSWORD 'pass'",
  "catalog_reader",
  "catalog_writer",
  `"catalog ""odd's"" role%I"`,
);

export const catalogCases: readonly CatalogCase[] = [
  [
    "defaults that call functions that take the table's row",
    `CREATE TABLE loop_default (a int, b int);
     CREATE FUNCTION count_rows(loop_default[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
     ALTER TABLE loop_default ALTER b SET DEFAULT count_rows(NULL)`,
  ],
  [
    "checks that call functions that take the table's row",
    `CREATE TABLE loop_check (a int, b int);
     CREATE FUNCTION is_fine(loop_check) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
     ALTER TABLE loop_check ADD CONSTRAINT fine CHECK (is_fine(loop_check.*));
     CREATE FUNCTION above(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0'; CREATE TABLE called_parent (a int CONSTRAINT called CHECK (above(a)));
     CREATE TABLE called_child (b int) INHERITS (called_parent); CREATE TABLE called_parts (a int CONSTRAINT called CHECK (above(a))) PARTITION BY LIST (a); CREATE TABLE called_part PARTITION OF called_parts DEFAULT`,
  ],
  [
    "domains whose checks call functions that take the domain",
    `CREATE DOMAIN loop_domain AS int DEFAULT 5 NOT NULL CHECK (VALUE > 0);
     CREATE FUNCTION domain_fine(loop_domain) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
     ALTER DOMAIN loop_domain ADD CONSTRAINT called CHECK (domain_fine(VALUE));
     ALTER DOMAIN loop_domain ADD CONSTRAINT "not yet" CHECK (VALUE < 100) NOT VALID;
     CREATE DOMAIN domain_text AS varchar(20) COLLATE "C" DEFAULT 'it''s';
     COMMENT ON CONSTRAINT "not yet" ON DOMAIN loop_domain IS 'later'`,
  ],
  [
    "views that call functions that take the view's row",
    `CREATE TABLE loop_base (a int, b text COLLATE "C");
     CREATE VIEW loop_view AS SELECT a, b FROM loop_base;
     CREATE FUNCTION of_view(loop_view) RETURNS int LANGUAGE sql AS 'SELECT 1';
     CREATE OR REPLACE VIEW loop_view WITH (security_barrier) AS SELECT a, b FROM loop_base WHERE of_view(ROW(a, b)::loop_view) > 0;
     CREATE VIEW over_loop AS SELECT * FROM loop_view;
     COMMENT ON VIEW loop_view IS 'loop';
     GRANT SELECT (a) ON loop_view TO catalog_reader`,
  ],
  [
    "two views that call each other's functions",
    `CREATE VIEW mutual_a AS SELECT 1 AS x; CREATE VIEW mutual_b AS SELECT 1 AS y;
     CREATE FUNCTION fa(mutual_a) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION fb(mutual_b) RETURNS int LANGUAGE sql AS 'SELECT 1';
     CREATE OR REPLACE VIEW mutual_a AS SELECT fb(NULL) AS x; CREATE OR REPLACE VIEW mutual_b AS SELECT fa(NULL) AS y`,
  ],
  [
    "views, materialized views and functions that rest on a primary key",
    `CREATE TABLE keyed (id int PRIMARY KEY, body text);
     CREATE VIEW grouped AS SELECT id, body, count(*) AS n FROM keyed GROUP BY id;
     CREATE MATERIALIZED VIEW grouped_kept AS SELECT * FROM grouped;
     CREATE UNIQUE INDEX ON grouped_kept (id);
     CREATE VIEW over_grouped AS SELECT n FROM grouped;
     CREATE FUNCTION grouped_rows() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM (SELECT id, body FROM keyed GROUP BY id) AS k; END;
     GRANT SELECT ON grouped TO catalog_reader; COMMENT ON MATERIALIZED VIEW grouped_kept IS 'kept';
     ALTER VIEW over_grouped OWNER TO catalog_writer`,
  ],
  [
    "functions of every shape",
    `CREATE FUNCTION many_arguments(a int, INOUT b text DEFAULT 'x', VARIADIC c numeric[] DEFAULT ARRAY[1.5]) LANGUAGE sql AS $x$SELECT 'a;b$$'$x$;
     CREATE FUNCTION returns_table(a date DEFAULT '2026-01-02') RETURNS TABLE (x int, y text) STABLE STRICT PARALLEL SAFE COST 5 ROWS 7 LANGUAGE plpgsql
       SET search_path = public, "odd ""path" SET work_mem = '8MB' SET app.x = 'it''s' AS 'BEGIN END';
     CREATE PROCEDURE with_out(a int, OUT b int) LANGUAGE plpgsql AS 'BEGIN b := a; END';
     CREATE FUNCTION win() RETURNS bigint WINDOW LANGUAGE internal AS 'window_row_number';
     CREATE FUNCTION new_sql(a int) RETURNS int LANGUAGE sql RETURN a + 1;
     CREATE FUNCTION calls_new(a int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT new_sql(a) + 1; END;
     CREATE FUNCTION "odd ""name"(int, "Arg x" text) RETURNS void SECURITY DEFINER LEAKPROOF LANGUAGE sql AS E'SELECT 1; -- \\\\ end';
     COMMENT ON PROCEDURE with_out IS 'p'; GRANT EXECUTE ON PROCEDURE with_out TO catalog_reader;
     REVOKE ALL ON FUNCTION win() FROM PUBLIC; ALTER FUNCTION new_sql OWNER TO catalog_writer`,
  ],
  [
    "aggregates of every shape",
    `CREATE FUNCTION agg_state(float8[], float8) RETURNS float8[] LANGUAGE sql AS 'SELECT $1';
     CREATE FUNCTION agg_final(float8[], float8) RETURNS float8 LANGUAGE sql AS 'SELECT 1.0::float8';
     CREATE AGGREGATE ordered_own(float8 ORDER BY float8) (sfunc = agg_state, stype = float8[], finalfunc = agg_final, initcond = '{}');
     CREATE FUNCTION count_state(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
     CREATE AGGREGATE count_own(*) (sfunc = count_state, stype = int, initcond = '0', parallel = safe);
     CREATE AGGREGATE sum_own(int) (sfunc = int4pl, stype = int, combinefunc = int4pl, msfunc = int4pl, minvfunc = int4mi, mstype = int, sspace = 8);
     CREATE AGGREGATE smallest_own(int) (sfunc = int4smaller, stype = int, sortop = <);
     COMMENT ON AGGREGATE ordered_own(float8 ORDER BY float8) IS 'o'; COMMENT ON AGGREGATE count_own(*) IS 'c';
     GRANT EXECUTE ON FUNCTION count_own() TO catalog_reader; ALTER AGGREGATE ordered_own(float8 ORDER BY float8) OWNER TO catalog_writer`,
  ],
  [
    "operators that name each other, families with loose members",
    `CREATE FUNCTION op_lt(point, point) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1[0] < $2[0]';
     CREATE FUNCTION op_ge(point, point) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1[0] >= $2[0]';
     CREATE FUNCTION op_neg(point) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
     CREATE OPERATOR <<< (leftarg = point, rightarg = point, function = op_lt, negator = >>>=, restrict = scalarltsel, join = scalarltjoinsel);
     CREATE OPERATOR >>>= (leftarg = point, rightarg = point, function = op_ge, negator = <<<);
     CREATE OPERATOR !!! (rightarg = point, function = op_neg);
     CREATE OPERATOR FAMILY loose USING btree;
     ALTER OPERATOR FAMILY loose USING btree ADD OPERATOR 1 <(int4, int8), FUNCTION 1 (int4, int8) btint48cmp(int4, int8);
     CREATE OPERATOR CLASS spgist_own FOR TYPE text USING gin AS STORAGE text;
     COMMENT ON OPERATOR !!! (NONE, point) IS 'n'; COMMENT ON OPERATOR FAMILY loose USING btree IS 'f'; COMMENT ON OPERATOR CLASS spgist_own USING gin IS 'c'`,
  ],
  [
    "types of every shape",
    `CREATE TYPE no_values AS ENUM (); CREATE TYPE no_attributes AS ();
     CREATE TYPE nested AS (a numeric(8,2)[], b varchar(5) COLLATE "C", "c d" no_values, e interval(3));
     CREATE DOMAIN over_nested AS nested CHECK ((VALUE).e IS NOT NULL); CREATE DOMAIN over_domain AS over_nested;
     CREATE TYPE text_span AS RANGE (subtype = text, collation = "C", multirange_type_name = "Text Spans");
     CREATE FUNCTION distance(date, date) RETURNS float8 IMMUTABLE LANGUAGE sql AS 'SELECT ($1 - $2)::float8';
     CREATE TYPE date_span AS RANGE (subtype = date, subtype_diff = distance);
     COMMENT ON COLUMN nested."c d" IS 'attribute'; COMMENT ON TYPE nested IS 'n'; REVOKE USAGE ON TYPE nested FROM PUBLIC;
     CREATE TABLE uses_types (a nested, b over_domain, c "Text Spans", d date_span[])`,
  ],
  [
    "identity, serial and free sequences",
    `CREATE TABLE identities (a bigint GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME "named seq" START 7 INCREMENT -2 MINVALUE -50 MAXVALUE 50 CACHE 3 CYCLE),
       b smallserial, c int DEFAULT 5);
     CREATE SEQUENCE free_sequence AS smallint CYCLE; ALTER TABLE identities ALTER c SET DEFAULT nextval('free_sequence');
     CREATE TABLE serial_owned (id serial); ALTER TABLE serial_owned OWNER TO catalog_owner;
     CREATE SEQUENCE taken OWNED BY identities.c; COMMENT ON SEQUENCE "named seq" IS 's'; GRANT USAGE ON SEQUENCE "named seq" TO catalog_reader;
     CREATE UNLOGGED TABLE fast (id serial, n int GENERATED ALWAYS AS IDENTITY)`,
  ],
  [
    "columns with everything",
    `CREATE TABLE storage (a text, b text COMPRESSION pglz, c int, d text, e int, f int GENERATED ALWAYS AS (c * 2) STORED, g timestamptz DEFAULT now(),
       h interval DEFAULT '1 year -2 days 03:04:05', i date DEFAULT '2026-03-04', j float8 DEFAULT 0.1, k bytea DEFAULT '\\x00ff', l text[] DEFAULT '{a,"b c"}', m text DEFAULT E'a\\\\b''c')
       WITH (fillfactor = 60, autovacuum_enabled = false, toast.autovacuum_vacuum_threshold = 99);
     ALTER TABLE storage DROP COLUMN e, ALTER d SET STATISTICS 77, ALTER d SET (n_distinct = -0.5, n_distinct_inherited = 3);
     COMMENT ON COLUMN storage.d IS E'back\\\\slash '' quote'`,
  ],
  [
    "inheritance",
    `CREATE TABLE mother (a int DEFAULT 1, b text NOT NULL DEFAULT 'm', CONSTRAINT m_check CHECK (a > 0), CONSTRAINT m_own CHECK (a < 99) NO INHERIT);
     CREATE TABLE father (a int, c int);
     CREATE TABLE child (d int, b text DEFAULT 'child') INHERITS (mother, father);
     CREATE TABLE grandchild (CONSTRAINT g CHECK (d > 0)) INHERITS (child);
     ALTER TABLE ONLY grandchild ALTER b DROP DEFAULT, ALTER c SET DEFAULT 9, ALTER c SET NOT NULL, ALTER b SET STORAGE external;
     CREATE TABLE computing (a int, b int GENERATED ALWAYS AS (a * 2) STORED); CREATE TABLE computing_child (c int) INHERITS (computing); CREATE TABLE computing_local (b int, a int) INHERITS (computing);
     CREATE TABLE adopted (c int, a int NOT NULL, x text); ALTER TABLE adopted INHERIT father;
     ALTER TABLE mother ADD CONSTRAINT late_check CHECK (a <> 50) NOT VALID`,
  ],
  [
    "typed tables",
    `CREATE TYPE of_type AS (a int, b text); CREATE TABLE typed_plain OF of_type;
     CREATE TABLE typed_more OF of_type (a WITH OPTIONS DEFAULT 5 NOT NULL, b NOT NULL, PRIMARY KEY (a), CHECK (a > 0))`,
  ],
  [
    "partitions of partitions",
    `CREATE TABLE ranged (id int NOT NULL, at date NOT NULL DEFAULT '2026-01-01', body text, n int, PRIMARY KEY (id, at)) PARTITION BY RANGE (at, id); CREATE TABLE by_expression (id int) PARTITION BY RANGE ((id % 10));
     CREATE TABLE ranged_list PARTITION OF ranged (body DEFAULT 'list') FOR VALUES FROM ('2026-01-01', MINVALUE) TO ('2026-06-01', MAXVALUE) PARTITION BY LIST (id);
     CREATE TABLE ranged_x PARTITION OF ranged_list FOR VALUES IN (7, 8); CREATE TABLE by_word (a text) PARTITION BY LIST (a); CREATE TABLE by_word_x PARTITION OF by_word FOR VALUES IN ('it''s', NULL);
     CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT PARTITION BY HASH (id);
     CREATE TABLE ranged_h0 (n int, body text, id int NOT NULL, dropped int, at date NOT NULL DEFAULT '2020-02-02'); ALTER TABLE ranged_h0 DROP COLUMN dropped;
     ALTER TABLE ranged_rest ATTACH PARTITION ranged_h0 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
     CREATE UNIQUE INDEX ranged_u ON ranged (at, id, n) INCLUDE (body) NULLS NOT DISTINCT; CREATE INDEX ranged_lower ON ranged (lower(body) DESC NULLS LAST) WHERE n > 3;
     CREATE INDEX only_here ON ONLY ranged (n); CREATE INDEX ranged_x_own ON ranged_x (n);
     CREATE TABLE ranged_partner (id int, at date, FOREIGN KEY (id, at) REFERENCES ranged DEFERRABLE);
     ALTER TABLE ranged ADD CONSTRAINT in_order CHECK (n < 5); ALTER TABLE ranged_x ADD CONSTRAINT x_own CHECK (n <> 2);
     COMMENT ON TABLE ranged_x IS 'x'; COMMENT ON INDEX ranged_u IS 'u'; CREATE TABLE ranged_options (id int PRIMARY KEY WITH (fillfactor = 70)) PARTITION BY LIST (id)`,
  ],
  [
    "foreign keys of partitions under other names",
    `CREATE TABLE fk_target (id int PRIMARY KEY); CREATE TABLE fk_parent (id int) PARTITION BY LIST (id);
     CREATE TABLE fk_child (id int CONSTRAINT own_name REFERENCES fk_target); ALTER TABLE fk_parent ADD CONSTRAINT family_name FOREIGN KEY (id) REFERENCES fk_target;
     ALTER TABLE fk_parent ATTACH PARTITION fk_child DEFAULT`,
  ],
  [
    "foreign keys that close a circle, and all their words",
    `CREATE TABLE ring_a (id int PRIMARY KEY, b int, c int, d int UNIQUE, UNIQUE (id, b)); CREATE TABLE ring_b (id int PRIMARY KEY, a int REFERENCES ring_a);
     ALTER TABLE ring_a ADD FOREIGN KEY (b) REFERENCES ring_b ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED;
     ALTER TABLE ring_a ADD CONSTRAINT "never checked" FOREIGN KEY (c) REFERENCES ring_a (d) NOT VALID;
     CREATE TABLE ring_c (x int, y int, FOREIGN KEY (x, y) REFERENCES ring_a (id, b) MATCH FULL ON DELETE SET DEFAULT)`,
  ],
  [
    "keys, exclusions and their indexes",
    `CREATE TABLE keys (id int, a int, b text, r int4range, CONSTRAINT "the key" PRIMARY KEY (id) INCLUDE (b) WITH (fillfactor = 80), UNIQUE NULLS NOT DISTINCT (a) DEFERRABLE,
       CONSTRAINT no_overlap EXCLUDE USING gist (r WITH &&) WHERE (id > 5));
     ALTER TABLE keys ALTER id SET NOT NULL; CREATE UNIQUE INDEX keys_ident ON keys (id); ALTER TABLE keys REPLICA IDENTITY USING INDEX keys_ident, CLUSTER ON "the key";
     CREATE INDEX keys_brin ON keys USING brin (id) WITH (pages_per_range = 4); CREATE INDEX keys_ops ON keys (b text_pattern_ops, b COLLATE "C" DESC);
     CREATE INDEX keys_expression ON keys ((id + a), lower(b)); ALTER INDEX keys_expression ALTER COLUMN 1 SET STATISTICS 300;
     CREATE STATISTICS keys_stat (ndistinct, mcv) ON id, a, lower(b) FROM keys; ALTER STATISTICS keys_stat SET STATISTICS 12;
     COMMENT ON CONSTRAINT "the key" ON keys IS 'k'; COMMENT ON INDEX "the key" IS 'i'; COMMENT ON STATISTICS keys_stat IS 's'`,
  ],
  [
    "triggers of every shape",
    `CREATE TABLE fired (id int, body text); CREATE VIEW fired_view AS SELECT * FROM fired; CREATE TABLE fired_parts (id int) PARTITION BY LIST (id);
     CREATE TABLE fired_part PARTITION OF fired_parts FOR VALUES IN (1); CREATE TABLE fired_part_2 PARTITION OF fired_parts DEFAULT;
     CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER "t 1" AFTER UPDATE ON fired REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION fire('a', 'it''s');
     CREATE TRIGGER t2 BEFORE INSERT OR UPDATE OF body ON fired FOR EACH ROW WHEN (NEW.body IS DISTINCT FROM 'x') EXECUTE FUNCTION fire();
     CREATE TRIGGER t3 INSTEAD OF DELETE ON fired_view FOR EACH ROW EXECUTE FUNCTION fire();
     CREATE TRIGGER t4 BEFORE TRUNCATE ON fired EXECUTE FUNCTION fire();
     CREATE CONSTRAINT TRIGGER t5 AFTER INSERT ON fired DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fire();
     CREATE TRIGGER t6 AFTER INSERT ON fired_parts FOR EACH ROW EXECUTE FUNCTION fire(); ALTER TABLE fired_part ENABLE ALWAYS TRIGGER t6;
     CREATE TRIGGER t7 AFTER INSERT ON fired_parts FOR EACH ROW EXECUTE FUNCTION fire(); ALTER TABLE fired_parts DISABLE TRIGGER t7; ALTER TABLE fired_part ENABLE TRIGGER t7;
     ALTER TABLE fired ENABLE REPLICA TRIGGER t2; ALTER TABLE fired DISABLE TRIGGER t4; COMMENT ON TRIGGER "t 1" ON fired IS 't'; COMMENT ON TRIGGER t5 ON fired IS 't5'`,
  ],
  [
    "rules and updatable views",
    `CREATE TABLE ruled (id int, body text); CREATE VIEW ruled_view AS SELECT id, body FROM ruled; ALTER VIEW ruled_view ALTER body SET DEFAULT 'it''s';
     CREATE RULE "r 1" AS ON INSERT TO ruled_view DO INSTEAD INSERT INTO ruled VALUES (NEW.id, NEW.body) RETURNING ruled.*;
     CREATE RULE r2 AS ON UPDATE TO ruled WHERE OLD.id > 5 DO ALSO (DELETE FROM ruled WHERE id = 1; INSERT INTO ruled VALUES (2, ';')); ALTER TABLE ruled ENABLE ALWAYS RULE r2;
     CREATE VIEW checked WITH (security_invoker = true) AS SELECT id FROM ruled WHERE id > 0 WITH LOCAL CHECK OPTION; CREATE VIEW checked_more AS SELECT id FROM checked WITH CASCADED CHECK OPTION;
     CREATE RECURSIVE VIEW numbers (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5; CREATE VIEW no_columns AS SELECT;
     COMMENT ON RULE r2 ON ruled IS 'r'; COMMENT ON COLUMN ruled_view.body IS 'c'`,
  ],
  [
    "materialized views on each other",
    `CREATE TABLE seen (id int, body text); CREATE MATERIALIZED VIEW seen_b WITH (fillfactor = 50) AS SELECT id, body FROM seen;
     CREATE MATERIALIZED VIEW seen_a AS SELECT count(*) AS n FROM seen_b; CREATE INDEX ON seen_b (body);
     ALTER TABLE seen_a REPLICA IDENTITY FULL; CREATE INDEX seen_a_n ON seen_a (n); ALTER MATERIALIZED VIEW seen_a CLUSTER ON seen_a_n; ALTER MATERIALIZED VIEW seen_b ALTER body SET STORAGE main, ALTER body SET STATISTICS 9; ALTER MATERIALIZED VIEW seen_b OWNER TO catalog_writer; GRANT SELECT ON seen_a TO catalog_reader`,
  ],
  [
    "policies",
    `CREATE TABLE guarded (id int, who text); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
     CREATE POLICY "p 1" ON guarded AS RESTRICTIVE FOR UPDATE TO catalog_reader, catalog_writer USING (who = current_user) WITH CHECK (id IN (SELECT id FROM guarded));
     CREATE POLICY p2 ON guarded; CREATE POLICY p3 ON guarded FOR INSERT TO PUBLIC WITH CHECK (true); COMMENT ON POLICY "p 1" ON guarded IS 'p'`,
  ],
  [
    "publications",
    `CREATE TABLE sent (id int PRIMARY KEY, body text, n int); CREATE TABLE sent_parts (id int) PARTITION BY LIST (id); CREATE SCHEMA sent_schema;
     CREATE PUBLICATION "feed 1" FOR TABLE sent (id, n) WHERE (n > 5), sent_parts WITH (publish = 'insert', publish_via_partition_root = true);
     CREATE PUBLICATION feed2 FOR TABLES IN SCHEMA sent_schema; CREATE PUBLICATION feed3 FOR ALL TABLES; CREATE PUBLICATION feed4 WITH (publish = ''); ALTER PUBLICATION feed4 OWNER TO CURRENT_USER`,
  ],
  [
    "privileges of every kind",
    `CREATE SCHEMA granted; CREATE TABLE granted.t (a int, "b c" int, d int); CREATE SEQUENCE granted.s; CREATE TYPE granted.e AS ENUM ('x'); CREATE FUNCTION granted.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
     GRANT USAGE ON SCHEMA granted TO catalog_reader, catalog_writer, "catalog ""odd's"" role%I"; GRANT SELECT ON granted.t TO catalog_reader WITH GRANT OPTION; GRANT ALL ON granted.t TO catalog_writer; REVOKE TRUNCATE ON granted.t FROM catalog_writer;
     SET ROLE catalog_reader; GRANT SELECT ON granted.t TO PUBLIC; GRANT SELECT ON granted.t TO "catalog ""odd's"" role%I"; RESET ROLE;
     GRANT UPDATE ("b c"), SELECT (a, d) ON granted.t TO catalog_reader; GRANT REFERENCES (a) ON granted.t TO PUBLIC;
     REVOKE ALL ON granted.s FROM CURRENT_USER; GRANT USAGE ON granted.s TO catalog_writer; REVOKE ALL ON TYPE granted.e FROM PUBLIC; REVOKE ALL ON FUNCTION granted.f FROM PUBLIC, CURRENT_USER;
     ALTER TABLE granted.t OWNER TO catalog_writer; REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC; GRANT SELECT ON pg_catalog.pg_authid TO catalog_reader; REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC;
     REVOKE USAGE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO catalog_writer; COMMENT ON SCHEMA public IS NULL`,
  ],
  [
    "default privileges",
    `CREATE SCHEMA later_granted; ALTER DEFAULT PRIVILEGES FOR ROLE catalog_owner REVOKE ALL ON TABLES FROM catalog_owner; ALTER DEFAULT PRIVILEGES FOR ROLE catalog_owner GRANT SELECT ON TABLES TO catalog_reader WITH GRANT OPTION;
     ALTER DEFAULT PRIVILEGES IN SCHEMA later_granted GRANT ALL ON SEQUENCES TO catalog_reader; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC; ALTER DEFAULT PRIVILEGES IN SCHEMA later_granted GRANT EXECUTE ON FUNCTIONS TO catalog_writer;
     ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC`,
  ],
  [
    "extensions and what hangs on them",
    `CREATE SCHEMA ext; CREATE EXTENSION citext WITH SCHEMA ext; CREATE TABLE with_citext (name ext.citext PRIMARY KEY, other ext.citext DEFAULT 'x'::ext.citext);
     CREATE FUNCTION needs_citext(ext.citext) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER FUNCTION needs_citext DEPENDS ON EXTENSION citext; COMMENT ON EXTENSION citext IS 'ours';
     REVOKE EXECUTE ON FUNCTION ext.citext(boolean) FROM PUBLIC; CREATE INDEX with_citext_lower ON with_citext (ext.regexp_match(name, 'x'))`,
  ],
  [
    "foreign tables, also as partitions",
    `CREATE FOREIGN DATA WRAPPER wrapper_own OPTIONS (debug 'it''s'); CREATE SERVER "server 1" TYPE 'x' VERSION 'y' FOREIGN DATA WRAPPER wrapper_own OPTIONS (host 'h', "Odd opt" 'v');
     CREATE USER MAPPING FOR PUBLIC SERVER "server 1"; CREATE USER MAPPING FOR catalog_reader SERVER "server 1" OPTIONS (password 's3cret');
     CREATE FOREIGN TABLE far_away (a int OPTIONS (column_name 'A') NOT NULL DEFAULT 5, b text CHECK (b <> '')) SERVER "server 1" OPTIONS (table_name 't');
     CREATE TABLE near (id int) PARTITION BY LIST (id); CREATE FOREIGN TABLE far_part PARTITION OF near DEFAULT SERVER "server 1";
     GRANT USAGE ON FOREIGN SERVER "server 1" TO catalog_reader; GRANT USAGE ON FOREIGN DATA WRAPPER wrapper_own TO catalog_reader; GRANT SELECT ON far_away TO catalog_reader; COMMENT ON FOREIGN TABLE far_away IS 'f'; COMMENT ON SERVER "server 1" IS 's'`,
  ],
  [
    "casts, conversions, collations, text search",
    `CREATE TYPE castable AS (a int); CREATE FUNCTION cast_it(castable) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; CREATE CAST (castable AS int) WITH FUNCTION cast_it(castable) AS IMPLICIT; CREATE CAST (castable AS text) WITH INOUT AS ASSIGNMENT;
     CREATE COLLATION icu_own (provider = icu, locale = 'de-u-co-phonebk', deterministic = false); CREATE COLLATION libc_own (locale = 'C'); CREATE TABLE collated (a text COLLATE icu_own, b text COLLATE libc_own);
     CREATE TEXT SEARCH DICTIONARY dict_own (template = snowball, language = 'german', stopwords = 'german'); CREATE TEXT SEARCH CONFIGURATION search_own (parser = pg_catalog.default); ALTER TEXT SEARCH CONFIGURATION search_own ADD MAPPING FOR word, asciiword WITH dict_own, simple;
     COMMENT ON CAST (castable AS int) IS 'c'; COMMENT ON TEXT SEARCH DICTIONARY dict_own IS 'd'; COMMENT ON COLLATION icu_own IS 'i'`,
  ],
  [
    "what only superusers make",
    `CREATE TRUSTED LANGUAGE own_language HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator; GRANT USAGE ON LANGUAGE own_language TO catalog_reader; COMMENT ON LANGUAGE own_language IS 'l';
     CREATE ACCESS METHOD own_heap TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE in_own_heap (a int) USING own_heap; CREATE MATERIALIZED VIEW kept_in_own_heap USING own_heap AS SELECT 1 AS a; COMMENT ON ACCESS METHOD own_heap IS 'a';
     CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal)); COMMENT ON TRANSFORM FOR int LANGUAGE sql IS 't';
     CREATE TEXT SEARCH PARSER own_parser (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype, headline = prsd_headline);
     CREATE TEXT SEARCH TEMPLATE own_template (lexize = dsimple_lexize, init = dsimple_init); CREATE TEXT SEARCH DICTIONARY of_template (template = own_template, accept = false); COMMENT ON TEXT SEARCH PARSER own_parser IS 'p';
     CREATE TYPE shell_only; CREATE DEFAULT CONVERSION own_latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8; COMMENT ON CONVERSION own_latin IS 'v'`,
  ],
  [
    "event triggers",
    `CREATE FUNCTION on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER "e 1" ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION on_event();
     ALTER EVENT TRIGGER "e 1" ENABLE ALWAYS; COMMENT ON EVENT TRIGGER "e 1" IS 'e'`,
  ],
  [
    "settings of the database",
    `ALTER DATABASE %database% SET search_path = "$user", public, "odd ""path", 'with space'; ALTER DATABASE %database% SET app.jwt_secret = 'it''s %I'; ALTER ROLE "catalog ""odd's"" role%I" IN DATABASE %database% SET work_mem = '9MB';
     ALTER DATABASE %database% CONNECTION LIMIT 50; COMMENT ON DATABASE %database% IS 'it''s % 100%I'; REVOKE CONNECT ON DATABASE %database% FROM PUBLIC; GRANT CREATE ON DATABASE %database% TO catalog_reader`,
  ],
  [
    "roomctl's own schema",
    `CREATE SCHEMA IF NOT EXISTS roomctl; CREATE TABLE IF NOT EXISTS roomctl.migrations (id serial PRIMARY KEY, name text NOT NULL, run_on timestamp NOT NULL DEFAULT now())`,
  ],
  [
    "types, functions, indexes, policies and views over row types",
    `CREATE TABLE a (x int, y text);
     CREATE TABLE b (r a, rs a[]);
     CREATE TYPE t AS (z a, q b[]);
     CREATE DOMAIN d AS a CHECK ((VALUE).x > 0);
     CREATE TABLE e (d d, t t);
     CREATE FUNCTION fa(a) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
     CREATE INDEX ON a (fa(a.*));
     CREATE POLICY x ON a USING (fa(a.*) > 0);
     CREATE VIEW av AS SELECT a FROM a;
     CREATE TABLE ofview (v av);
     CREATE FUNCTION fb(x a DEFAULT ROW(1,'x')::a) RETURNS SETOF b LANGUAGE sql AS 'SELECT NULL::a, NULL::a[]'`,
  ],
  [
    "defaults and generated columns that call functions with SQL bodies",
    `CREATE TABLE o (x int);
     CREATE FUNCTION cnt() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM o;
     END;
     CREATE TABLE uses (n bigint DEFAULT cnt());
     ALTER TABLE o ADD COLUMN m bigint DEFAULT cnt();
     CREATE FUNCTION im(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN $1;
     CREATE TABLE gen (a int, b int GENERATED ALWAYS AS (im(a)) STORED)`,
  ],
  [
    "constraints and defaults that a child has as well",
    `CREATE TABLE m (a int, CONSTRAINT k CHECK (a > 0) NOT VALID);
     CREATE TABLE c (CONSTRAINT k CHECK (a > 0)) INHERITS (m);
     CREATE TABLE m2 (a int DEFAULT 5, CONSTRAINT k2 CHECK (a > 0));
     CREATE TABLE c2 (a int DEFAULT 7, CONSTRAINT k2 CHECK (a > 0)) INHERITS (m2);
     ALTER TABLE m2 ALTER a SET NOT NULL;
     CREATE TABLE c3 (a int DEFAULT 1) INHERITS (m, m2) ;
     `,
  ],
  [
    "triggers of partitions of partitions",
    `CREATE TABLE p (id int) PARTITION BY LIST (id);
     CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';
     CREATE TRIGGER t AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
     CREATE TABLE p1 PARTITION OF p DEFAULT PARTITION BY LIST (id);
     CREATE TABLE p2 PARTITION OF p1 DEFAULT;
     CREATE TRIGGER own AFTER INSERT ON p2 FOR EACH ROW EXECUTE FUNCTION f();
     ALTER TABLE p2 DISABLE TRIGGER t;
     COMMENT ON TRIGGER t ON p2 IS 'c'`,
  ],
  [
    "indexes that a partition already had",
    `CREATE TABLE p (id int, b text) PARTITION BY LIST (id);
     CREATE TABLE p1 PARTITION OF p DEFAULT;
     CREATE INDEX zz ON p1 (b);
     CREATE INDEX aa ON p (b);
     ALTER TABLE p ADD UNIQUE (id);
     CREATE TABLE p2 (id int, b text, CONSTRAINT other_name UNIQUE (id));
     ALTER TABLE p ATTACH PARTITION p2 FOR VALUES IN (1);
     COMMENT ON CONSTRAINT other_name ON p2 IS 'x';
     COMMENT ON INDEX zz IS 'z'`,
  ],
  [
    "a sequence that two tables use and one owns",
    `CREATE SEQUENCE s;
     CREATE TABLE t1 (a int DEFAULT nextval('s'));
     CREATE TABLE t2 (b int DEFAULT nextval('s'));
     ALTER SEQUENCE s OWNED BY t2.b;
     CREATE VIEW v AS SELECT last_value FROM s`,
  ],
  [
    "views whose names are not their columns'",
    `CREATE TABLE t (a int, b text);
     CREATE VIEW v1 AS SELECT t::text AS x FROM t;
     CREATE VIEW v2 (q, "W w") AS SELECT a, b FROM t;
     ALTER VIEW v2 RENAME q TO z;
     ALTER TABLE t RENAME a TO a2;
     CREATE VIEW v3 AS SELECT * FROM v2 JOIN v1 ON true;
     CREATE MATERIALIZED VIEW m AS SELECT * FROM v3;
     CREATE VIEW v4 AS SELECT * FROM m`,
  ],
  [
    "owners of everything, and rights that pass from hand to hand",
    `CREATE SCHEMA s AUTHORIZATION catalog_owner;
     CREATE TABLE s.t (id serial PRIMARY KEY, i int GENERATED ALWAYS AS IDENTITY);
     ALTER TABLE s.t OWNER TO catalog_writer;
     CREATE VIEW s.v AS SELECT * FROM s.t;
     ALTER VIEW s.v OWNER TO catalog_owner;
     ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
     GRANT SELECT ON s.t TO catalog_reader WITH GRANT OPTION;
     GRANT USAGE ON SCHEMA s TO catalog_reader;
     SET ROLE catalog_reader;
     GRANT SELECT ON s.t TO catalog_owner;
     RESET ROLE;
     REVOKE UPDATE ON s.t FROM catalog_writer;
     GRANT INSERT (id) ON s.t TO catalog_reader`,
  ],
  [
    "extensions' types, operator classes and members",
    `CREATE EXTENSION hstore;
     CREATE EXTENSION pg_trgm;
     CREATE TABLE t (h hstore DEFAULT ''::hstore, b text);
     CREATE INDEX ON t USING gist (b gist_trgm_ops (siglen = 32));
     CREATE INDEX ON t USING gin (h);
     CREATE INDEX ix ON t (b);
     ALTER INDEX ix DEPENDS ON EXTENSION pg_trgm`,
  ],
  [
    "names with dots, quotes and semicolons",
    `CREATE TABLE "a.b" ("c.d" int, "e;f" text DEFAULT ';', "%" int, "\\n" int);
     CREATE VIEW "view;" AS SELECT "e;f" || E'\\\\;''' AS "x;y" FROM "a.b";
     CREATE TABLE "quote""d" ("x""y" int CHECK ("x""y" > 0));
     COMMENT ON COLUMN "a.b"."c.d" IS '$$;$x$';
     CREATE INDEX "i.i" ON "a.b" ("c.d");
     ALTER TABLE "a.b" CLUSTER ON "i.i";
     CREATE TYPE "ty.pe" AS ("a.b" int);
     CREATE SEQUENCE "s.s" OWNED BY "a.b"."c.d";
     CREATE TABLE "TABLE" ("ROW" int GENERATED ALWAYS AS IDENTITY)`,
  ],
];

/** For servers of 18 and later. */
export const catalogCases18: readonly CatalogCase[] = [
  [
    "NOT NULL as a constraint",
    `CREATE TABLE nn (a int CONSTRAINT "must be" NOT NULL, b int NOT NULL NO INHERIT, c int); ALTER TABLE nn ADD CONSTRAINT later NOT NULL c NOT VALID;
     CREATE TABLE nn_child (CONSTRAINT own_b NOT NULL b) INHERITS (nn); CREATE TABLE nn_parts (a int CONSTRAINT p_name NOT NULL) PARTITION BY LIST (a); CREATE TABLE nn_part (a int CONSTRAINT c_name NOT NULL);
     ALTER TABLE nn_parts ATTACH PARTITION nn_part DEFAULT; COMMENT ON CONSTRAINT "must be" ON nn IS 'n'; CREATE DOMAIN nn_domain AS int CONSTRAINT dom_nn NOT NULL`,
  ],
  [
    "virtual columns, unenforced and temporal constraints",
    `CREATE TABLE modern (id int, at tstzrange, v int GENERATED ALWAYS AS (id + 1), CONSTRAINT pk PRIMARY KEY (id), CONSTRAINT maybe CHECK (id > 0) NOT ENFORCED);
     CREATE TABLE modern_ref (id int REFERENCES modern NOT ENFORCED); CREATE TABLE periods (id int4range, at daterange, PRIMARY KEY (id, at WITHOUT OVERLAPS));
     CREATE TABLE period_ref (id int4range, at daterange, FOREIGN KEY (id, PERIOD at) REFERENCES periods)`,
  ],
  [
    "identity of partitioned tables",
    `CREATE TABLE id_parts (id int GENERATED ALWAYS AS IDENTITY, k int) PARTITION BY LIST (k); CREATE TABLE id_part PARTITION OF id_parts DEFAULT`,
  ],
  [
    "collations of the server's own provider, new rights",
    `CREATE COLLATION builtin_own (provider = builtin, locale = 'C.UTF-8'); CREATE TABLE maintained (a int); GRANT MAINTAIN ON maintained TO catalog_reader; ALTER DEFAULT PRIVILEGES FOR ROLE catalog_writer GRANT SELECT ON LARGE OBJECTS TO catalog_reader`,
  ],
  [
    "a foreign key that one partition has checked",
    `CREATE TABLE t (id int PRIMARY KEY);
     CREATE TABLE p (id int) PARTITION BY LIST (id);
     CREATE TABLE p1 PARTITION OF p DEFAULT;
     ALTER TABLE p ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES t NOT VALID;
     ALTER TABLE p1 VALIDATE CONSTRAINT fk`,
  ],
  [
    "a foreign key of partitions that is not enforced",
    `CREATE TABLE t (id int PRIMARY KEY);
     CREATE TABLE p (id int) PARTITION BY LIST (id);
     CREATE TABLE p1 PARTITION OF p DEFAULT;
     ALTER TABLE p ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES t NOT ENFORCED`,
  ],
  [
    "NOT NULL along inheritance",
    `CREATE TABLE m (a int NOT NULL);
     CREATE TABLE c (a int CONSTRAINT own NOT NULL);
     ALTER TABLE c INHERIT m;
     CREATE TABLE c2 (a int CONSTRAINT own2 NOT NULL) INHERITS (m);
     CREATE TABLE c3 (CONSTRAINT xx NOT NULL a) INHERITS (m);
     CREATE TABLE c4 (a int NOT NULL) INHERITS (m);
     CREATE TABLE m5 (a int);
     CREATE TABLE c5 (PRIMARY KEY (a)) INHERITS (m5);
     CREATE TABLE m6 (a int PRIMARY KEY);
     CREATE TABLE c6 () INHERITS (m6)`,
  ],
  [
    "checks of partitions that hold for new rows only, or for none",
    `CREATE TABLE m (a int CONSTRAINT k CHECK (a > 0) NOT ENFORCED);
     CREATE TABLE c () INHERITS (m);
     CREATE TABLE p (a int CONSTRAINT k CHECK (a > 0) NOT ENFORCED) PARTITION BY LIST (a);
     CREATE TABLE p1 PARTITION OF p DEFAULT;
     ALTER TABLE p ADD CONSTRAINT nv CHECK (a < 9) NOT VALID;
     CREATE TABLE p2 PARTITION OF p FOR VALUES IN (1)`,
  ],
  [
    "virtual columns along inheritance and partitions",
    `CREATE TABLE m (a int, v int GENERATED ALWAYS AS (a + 1) VIRTUAL);
     CREATE TABLE c (b int) INHERITS (m);
     CREATE TABLE c2 (a int, v int GENERATED ALWAYS AS (a + 2)) INHERITS (m);
     CREATE TABLE p (a int, v int GENERATED ALWAYS AS (a * 2)) PARTITION BY LIST (a);
     CREATE TABLE p1 PARTITION OF p (v GENERATED ALWAYS AS (a * 3)) DEFAULT`,
  ],
];

/** Each case's SQL, to be run one after the other in one session. */
export function catalogCaseScripts(cases: readonly CatalogCase[]): readonly string[] {
  return cases.map(
    ([, sql], index) => `CREATE SCHEMA "case ${index}"; SET search_path = "case ${index}", public; ${sql}`,
  );
}
