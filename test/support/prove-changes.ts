/** One kind of change to a schema that `proveBase` makes: its up, which may do something else each time, and its down. */
interface SchemaChange {
  readonly up: string;
  readonly down: string;
}

/** What the changes work on. */
const proveBase = {
  "01_base.up.sql": `
    CREATE SCHEMA IF NOT EXISTS app;
    CREATE TABLE IF NOT EXISTS t (id bigint PRIMARY KEY, n int DEFAULT 1, name text);
    CREATE TABLE IF NOT EXISTS app.u (id bigint PRIMARY KEY, t bigint REFERENCES t);
    CREATE INDEX IF NOT EXISTS t_n ON t (n);
    CREATE SEQUENCE IF NOT EXISTS ids;
    CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE OR REPLACE VIEW v AS SELECT id, name FROM t;
    DO $$ BEGIN IF to_regtype('mood') IS NULL THEN CREATE TYPE mood AS ENUM ('low', 'high'); END IF; END $$;
    DO $$ BEGIN IF to_regtype('percent') IS NULL THEN CREATE DOMAIN percent AS int CHECK (VALUE < 101); END IF; END $$;`,
  "01_base.down.sql": `
    DROP DOMAIN IF EXISTS percent; DROP TYPE IF EXISTS mood; DROP VIEW IF EXISTS v; DROP SCHEMA IF EXISTS app CASCADE;
    DROP TABLE IF EXISTS t; DROP FUNCTION IF EXISTS f(), touch(); DROP SEQUENCE IF EXISTS ids;`,
};

const block = (text: string) => `DO $$ BEGIN ${text} END $$`;
const either = (condition: string, first: string, second: string) =>
  block(`IF ${condition} THEN ${first}; ELSE ${second}; END IF;`);
/** Adds to a text each time. */
const grow = (format: string, text: string) => block(`EXECUTE format(${format}, coalesce(${text}, '') || 'x');`);
const column = (name: string) =>
  `(SELECT ${name} FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'name')`;
const reader = "roomctl_prove_reader";

/** Each second run of these changes something; what, is a part of the catalog of its own. */
const restless: readonly SchemaChange[] = [
  { up: grow("'COMMENT ON TABLE t IS %L'", "obj_description('t'::regclass)"), down: "COMMENT ON TABLE t IS NULL" },
  { up: grow("'COMMENT ON COLUMN t.n IS %L'", "col_description('t'::regclass, 2)"), down: "SELECT 1" },
  { up: grow("'COMMENT ON FUNCTION f() IS %L'", "obj_description('f()'::regprocedure)"), down: "SELECT 1" },
  {
    up: either(
      `has_table_privilege('${reader}', 't', 'SELECT')`,
      `REVOKE SELECT ON t FROM ${reader}`,
      `GRANT SELECT ON t TO ${reader}`,
    ),
    down: `REVOKE ALL ON t FROM ${reader}`,
  },
  {
    up: either(
      `has_column_privilege('${reader}', 't', 'n', 'UPDATE')`,
      `REVOKE UPDATE (n) ON t FROM ${reader}`,
      `GRANT UPDATE (n) ON t TO ${reader}`,
    ),
    down: "SELECT 1",
  },
  {
    up: either(
      "EXISTS (SELECT FROM pg_default_acl)",
      `ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM ${reader}`,
      `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${reader}`,
    ),
    down: `ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM ${reader}`,
  },
  {
    up: either(
      `${column("attstorage")} = 'x'`,
      "ALTER TABLE t ALTER name SET STORAGE EXTERNAL",
      "ALTER TABLE t ALTER name SET STORAGE EXTENDED",
    ),
    down: "ALTER TABLE t ALTER name SET STORAGE EXTENDED",
  },
  {
    up: either(
      `${column("attcompression")} = 'p'`,
      "ALTER TABLE t ALTER name SET COMPRESSION default",
      "ALTER TABLE t ALTER name SET COMPRESSION pglz",
    ),
    down: "SELECT 1",
  },
  {
    up: either(
      `coalesce(${column("attstattarget")}, -1) = 7`,
      "ALTER TABLE t ALTER name SET STATISTICS 8",
      "ALTER TABLE t ALTER name SET STATISTICS 7",
    ),
    down: "ALTER TABLE t ALTER name SET STATISTICS -1",
  },
  {
    up: grow(
      "'ALTER TABLE t ALTER name SET DEFAULT %L'",
      "(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 't'::regclass AND adnum = 3)",
    ),
    down: "ALTER TABLE t ALTER name DROP DEFAULT",
  },
  {
    up: block("EXECUTE format('ALTER TYPE mood ADD VALUE %L', 'm' || (SELECT count(*) FROM pg_enum));"),
    down: "SELECT 1",
  },
  {
    up: either(
      "EXISTS (SELECT FROM pg_enum WHERE enumlabel = 'low')",
      "ALTER TYPE mood RENAME VALUE 'low' TO 'deep'",
      "ALTER TYPE mood RENAME VALUE 'deep' TO 'low'",
    ),
    down: "SELECT 1",
  },
  {
    up: block("EXECUTE format('CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS %L', 'SELECT ' || f() + 1);"),
    down: "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  },
  {
    up: either(
      "(SELECT proisstrict FROM pg_proc WHERE oid = 'f()'::regprocedure)",
      "ALTER FUNCTION f() CALLED ON NULL INPUT",
      "ALTER FUNCTION f() STRICT",
    ),
    down: "ALTER FUNCTION f() CALLED ON NULL INPUT",
  },
  {
    up: either(
      "(SELECT count(*) FROM pg_policy WHERE polname = 'own') = 0",
      "CREATE POLICY own ON t USING (n > 0)",
      "DROP POLICY own ON t",
    ),
    down: "DROP POLICY IF EXISTS own ON t",
  },
  {
    up: either(
      "(SELECT relrowsecurity FROM pg_class WHERE oid = 't'::regclass)",
      "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
      "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    ),
    down: "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
  },
  {
    up: either(
      "pg_get_userbyid((SELECT relowner FROM pg_class WHERE oid = 'app.u'::regclass)) = current_user",
      `ALTER TABLE app.u OWNER TO ${reader}`,
      "ALTER TABLE app.u OWNER TO CURRENT_USER",
    ),
    down: "ALTER TABLE app.u OWNER TO CURRENT_USER",
  },
  {
    up: either(
      "(SELECT attnotnull FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'n')",
      "ALTER TABLE t ALTER n DROP NOT NULL",
      "ALTER TABLE t ALTER n SET NOT NULL",
    ),
    down: "ALTER TABLE t ALTER n DROP NOT NULL",
  },
  {
    up: either(
      "(SELECT reloptions FROM pg_class WHERE oid = 't'::regclass) IS NULL",
      "ALTER TABLE t SET (fillfactor = 70)",
      "ALTER TABLE t RESET (fillfactor)",
    ),
    down: "ALTER TABLE t RESET (fillfactor)",
  },
  {
    up: either(
      "(SELECT relpersistence FROM pg_class WHERE oid = 'app.u'::regclass) = 'u'",
      "ALTER TABLE app.u SET LOGGED",
      "ALTER TABLE app.u SET UNLOGGED",
    ),
    down: "ALTER TABLE app.u SET LOGGED",
  },
  {
    up: either(
      "(SELECT relreplident FROM pg_class WHERE oid = 't'::regclass) = 'f'",
      "ALTER TABLE t REPLICA IDENTITY DEFAULT",
      "ALTER TABLE t REPLICA IDENTITY FULL",
    ),
    down: "SELECT 1",
  },
  {
    up: either(
      "(SELECT indisclustered FROM pg_index WHERE indexrelid = 't_n'::regclass)",
      "ALTER TABLE t SET WITHOUT CLUSTER",
      "ALTER TABLE t CLUSTER ON t_n",
    ),
    down: "ALTER TABLE t SET WITHOUT CLUSTER",
  },
  {
    up: either(
      "(SELECT seqincrement FROM pg_sequence WHERE seqrelid = 'ids'::regclass) = 1",
      "ALTER SEQUENCE ids INCREMENT 2",
      "ALTER SEQUENCE ids INCREMENT 1",
    ),
    down: "ALTER SEQUENCE ids INCREMENT 1",
  },
  {
    up: either(
      "(SELECT tgenabled FROM pg_trigger WHERE tgname = 'flip') = 'O'",
      "ALTER TABLE t DISABLE TRIGGER flip",
      "DROP TRIGGER IF EXISTS flip ON t; CREATE TRIGGER flip BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch()",
    ),
    down: "DROP TRIGGER IF EXISTS flip ON t",
  },
  {
    up: either(
      "(SELECT typnotnull FROM pg_type WHERE typname = 'percent')",
      "ALTER DOMAIN percent DROP NOT NULL",
      "ALTER DOMAIN percent SET NOT NULL",
    ),
    down: "ALTER DOMAIN percent DROP NOT NULL",
  },
  {
    up: either(
      "(SELECT count(*) FROM pg_rewrite WHERE rulename = 'quiet') = 0",
      "CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING",
      "DROP RULE quiet ON t",
    ),
    down: "DROP RULE IF EXISTS quiet ON t",
  },
  {
    up: either(
      "(SELECT count(*) FROM pg_statistic_ext) = 0",
      "CREATE STATISTICS both_of ON n, name FROM t",
      "DROP STATISTICS both_of",
    ),
    down: "DROP STATISTICS IF EXISTS both_of",
  },
  {
    up: either("to_regclass('app.v') IS NULL", "ALTER VIEW v SET SCHEMA app", "ALTER VIEW app.v SET SCHEMA public"),
    down: "ALTER VIEW IF EXISTS app.v SET SCHEMA public",
  },
  {
    up:
      "DROP VIEW IF EXISTS w; CREATE VIEW w AS SELECT 1 AS one; " +
      either("to_regclass('w_made') IS NULL", "CREATE TABLE w_made (); COMMENT ON VIEW w IS 'first'", "PERFORM 1"),
    down: "DROP VIEW IF EXISTS w; DROP TABLE IF EXISTS w_made",
  },
  {
    up: "ALTER TABLE t DROP CONSTRAINT IF EXISTS t_k, ADD COLUMN IF NOT EXISTS k int CONSTRAINT t_k UNIQUE",
    down: "ALTER TABLE t DROP COLUMN IF EXISTS k",
  },
];

/** A second run of these changes nothing, though most of them write to the catalog. */
const settled: readonly SchemaChange[] = [
  { up: "COMMENT ON TABLE app.u IS 'users'", down: "COMMENT ON TABLE app.u IS NULL" },
  { up: `GRANT SELECT ON app.u TO ${reader}`, down: `REVOKE SELECT ON app.u FROM ${reader}` },
  { up: "ALTER SEQUENCE ids OWNED BY t.id", down: "ALTER SEQUENCE ids OWNED BY NONE" },
  {
    up: "ALTER TABLE t ADD COLUMN IF NOT EXISTS extra int DEFAULT 0",
    down: "ALTER TABLE t DROP COLUMN IF EXISTS extra",
  },
  { up: "CREATE INDEX IF NOT EXISTS t_name ON t (name)", down: "DROP INDEX IF EXISTS t_name" },
  {
    up: "DROP TRIGGER IF EXISTS kept ON t; CREATE TRIGGER kept BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch()",
    down: "DROP TRIGGER IF EXISTS kept ON t",
  },
  {
    up: "DROP POLICY IF EXISTS kept ON app.u; CREATE POLICY kept ON app.u USING (true)",
    down: "DROP POLICY IF EXISTS kept ON app.u",
  },
  {
    up: "CREATE OR REPLACE FUNCTION g(a int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
    down: "DROP FUNCTION IF EXISTS g(int)",
  },
  {
    up: "CREATE TABLE IF NOT EXISTS kinds (name text UNIQUE); INSERT INTO kinds VALUES ('a') ON CONFLICT DO NOTHING",
    down: "DROP TABLE IF EXISTS kinds",
  },
  { up: "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'middle'", down: "SELECT 1" },
];

/** A migration for each change, that tells by its name whether its second run changes something. */
export function eachChangeAlone(): Readonly<Record<string, string>> {
  const files: Record<string, string> = { ...proveBase };
  const named = [
    ...restless.map((change) => ({ change, name: "restless" })),
    ...settled.map((change) => ({ change, name: "settled" })),
  ];
  for (const [index, { change, name }] of named.entries()) {
    files[`${10 + index}_${name}.up.sql`] = `${change.up};`;
    files[`${10 + index}_${name}.down.sql`] = `${change.down};`;
  }
  return files;
}

/** Migrations above the base, each of one to three changes, the same for the same seed. */
export function randomMigrations(seed: number, count: number): Readonly<Record<string, string>> {
  const next = randomFrom(seed);
  const pick = <Item>(items: readonly Item[]): Item[] => items.slice(Math.floor(next() * items.length)).slice(0, 1);
  const files: Record<string, string> = { ...proveBase };
  for (let number = 0; number < count; number += 1) {
    const changes = Array.from({ length: 1 + Math.floor(next() * 3) }).flatMap(() =>
      pick(next() < 0.5 ? restless : settled),
    );
    const name = `${10 + number}_change`;
    files[`${name}.up.sql`] = `${changes.map(({ up }) => up).join(";\n")};`;
    // A down that forgets something, now and then.
    const undone = changes.filter(() => next() < 0.9).reverse();
    files[`${name}.down.sql`] = ["SELECT 1", ...undone.map(({ down }) => down)].join(";\n");
  }
  return files;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
