import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackup } from "../../src/backup/create.js";
import { isBackupId } from "../../src/backup/id.js";
import { formatManifest, type ManifestSchema, manifestFile, parseManifest } from "../../src/backup/manifest.js";
import type { CapturedSchema } from "../../src/backup/schema-files.js";
import { openSoundBackup } from "../../src/backup/verify.js";
import { systemClock } from "../../src/core/clock.js";
import { sha256 } from "../../src/core/digest.js";
import { type QualifiedName, quoteIdentifier } from "../../src/db/identifier.js";
import { withLock } from "../../src/db/lock.js";
import { dumpSchema } from "../../src/db/pg-dump.js";
import { findPgDump } from "../../src/db/pg-dump-find.js";
import type { Database, Queryable } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { applyRestore, type RestoreResult } from "../../src/restore/apply.js";
import { planRestore } from "../../src/restore/plan.js";
import { restoreWhole } from "../../src/restore/whole.js";

export interface BackupFolder extends Disposable {
  readonly directory: string;
  /** Names in it, sorted. */
  entries(): readonly string[];
}

export function createBackupFolder(): BackupFolder {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-backups-"));
  return {
    directory,
    entries: () => readdirSync(directory).sort(),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** It waits for the locks of others as long as it takes. */
export function backUp(database: Database, repository: string, tables?: readonly QualifiedName[]) {
  return createBackup(database, { repository, tables, clock: systemClock, lockTimeoutMs: 0 });
}

/** Plans and applies a restore of the newest backup. */
export async function restoreLatest(
  database: Database,
  repository: string,
  tables?: readonly QualifiedName[],
): Promise<RestoreResult> {
  const backup = await openSoundBackup(repository, "latest");
  const plan = await planRestore(database, backup, { tables });
  return applyRestore(database, plan, { backup, clock: systemClock, lockTimeoutMs: 120_000 });
}

/** Digest of the ordered rows of each table, generated columns included: another way to compare than the fingerprint. */
export async function digestTables(database: Queryable): Promise<Readonly<Record<string, string>>> {
  const tables = await database.query<{ schema: string; name: string }>(
    `SELECT nspname AS schema, relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')`,
  );
  const digests: Record<string, string> = {};
  for (const { schema, name } of tables) {
    const [row] = await database.query<{ digest: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\x01' ORDER BY t::text COLLATE "C")), '') AS digest
         FROM ONLY ${quoteIdentifier(schema)}.${quoteIdentifier(name)} AS t`,
    );
    digests[`${schema}.${name}`] = row?.digest ?? "";
  }
  return digests;
}

export const oddSchema = "od\"d\nsch.ema's";
export const longName = `${"é".repeat(31)}x`;

/** Tables that make life hard for a backup, without rows. */
export const hostileSchema = `
  CREATE SCHEMA ${quoteIdentifier(oddSchema)};
  CREATE TYPE mood AS ENUM ('sad', 'o''k', 'very "happy"');
  CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0);
  CREATE TABLE plain (
    id int PRIMARY KEY, body text, doc jsonb, bytes bytea, words text[], address inet, amount numeric,
    at timestamptz, day date, span interval, ratio float8, feeling mood, pair even, range int4range, price money);
  CREATE TABLE ${quoteIdentifier(oddSchema)}.${quoteIdentifier(longName)} (
    ${quoteIdentifier('co"l\numn.1')} text, ${quoteIdentifier(longName)} int, "select" text GENERATED ALWAYS AS ('x' || ${quoteIdentifier('co"l\numn.1')}) STORED);
  CREATE TABLE generated_ids (id bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY, twice int GENERATED ALWAYS AS (n * 2) STORED, n int);
  CREATE TABLE serials (id serial PRIMARY KEY, body text);
  CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree);
  CREATE TABLE hen (id int PRIMARY KEY, egg int NOT NULL);
  CREATE TABLE egg (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen DEFERRABLE INITIALLY DEFERRED);
  ALTER TABLE hen ADD CONSTRAINT "hen's egg" FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;
  COMMENT ON CONSTRAINT "hen's egg" ON hen IS 'which came first? \\ o''h';
  CREATE TABLE measures (id int, at date NOT NULL, value int, PRIMARY KEY (id, at), boss int, boss_at date, FOREIGN KEY (boss, boss_at) REFERENCES measures) PARTITION BY RANGE (at);
  CREATE TABLE measures_2025 PARTITION OF measures FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE measures_later PARTITION OF measures DEFAULT;
  CREATE TABLE animals (id int PRIMARY KEY, name text);
  CREATE TABLE dogs (breed text) INHERITS (animals);
  CREATE TABLE nothing ();
  CREATE TABLE empty (id int);
  CREATE UNLOGGED TABLE counters (id int, n int);
  CREATE TABLE dropped (a int, b text, c int);
  ALTER TABLE dropped DROP COLUMN b;
  CREATE TABLE noted (at timestamptz DEFAULT now(), what text);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO noted (what) VALUES (TG_NAME); RETURN NEW; END';
  CREATE TRIGGER fires BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION note();
  CREATE TRIGGER rests BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION note();
  ALTER TABLE plain DISABLE TRIGGER rests;
  CREATE TRIGGER follows BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION note();
  ALTER TABLE plain ENABLE REPLICA TRIGGER follows;
  CREATE TRIGGER insists BEFORE INSERT ON serials FOR EACH ROW EXECUTE FUNCTION note();
  ALTER TABLE serials ENABLE ALWAYS TRIGGER insists;
  CREATE TRIGGER spreads AFTER INSERT ON measures FOR EACH ROW EXECUTE FUNCTION note();
  CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON tree DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
  CREATE SEQUENCE downward INCREMENT -3 MAXVALUE 100 MINVALUE -1000 START 50;
  CREATE SEQUENCE spent MAXVALUE 3;
  CREATE SEQUENCE untouched;
`;

export const hostileRows = `
  INSERT INTO plain VALUES
    (1, E'quote '' double " back\\\\slash \\\\. \\\\N tab\\t line\\nfeed\\r\\n bell\\x07 end', '{"a": [1, null, "\\u00e9\\"\\\\\\\\"]}', '\\x00ff0a5c', ARRAY['a,b', '{}', NULL, E'\\\\', '"'],
     '2001:db8::1/64', 'NaN', 'infinity', '-infinity', '1 year -2 days 03:04:05.678901', 'NaN', 'o''k', 4, '[1,5)', '1234.56'),
    (2, E'\\\\.', 'null', '', '{}', '10.0.0.1', '-0.000000000000000000000000000001', '4713-01-01 00:00:00+00 BC', '0044-03-15 BC', '-1 mon', '-0', 'very "happy"', -2, 'empty', '-0.01'),
    (3, '', '""', NULL, NULL, NULL, 1e100, '2026-03-29 02:30:00.000001+02', '9999-12-31', NULL, 0.1::float8 + 0.2::float8, NULL, NULL, NULL, NULL),
    (4, 'héllo 🎥 日本 ' || chr(1114111), NULL, NULL, ARRAY[ARRAY['1','2'],ARRAY['3',NULL]], NULL, 'Infinity', NULL, NULL, NULL, 'infinity', NULL, NULL, '(,)', NULL);
  INSERT INTO ${quoteIdentifier(oddSchema)}.${quoteIdentifier(longName)} VALUES (E'a\\nb', 1), (NULL, 2), ('\\.', 3);
  INSERT INTO generated_ids (n) SELECT generate_series(1, 40);
  INSERT INTO generated_ids (id, n) OVERRIDING SYSTEM VALUE VALUES (9000, 1);
  INSERT INTO serials (body) SELECT repeat('x', n) FROM generate_series(1, 100) AS n;
  DELETE FROM serials WHERE id > 50;
  INSERT INTO tree VALUES (1, 2), (2, 3), (3, 1), (4, NULL);
  BEGIN; INSERT INTO hen VALUES (1, 1), (2, 2); INSERT INTO egg VALUES (1, 2), (2, 1); COMMIT;
  INSERT INTO measures VALUES (1, '2025-05-05', 10, 2, '2026-06-06'), (2, '2026-06-06', 20, 1, '2025-05-05');
  INSERT INTO animals VALUES (1, 'cat');
  INSERT INTO dogs VALUES (2, 'rex', 'poodle');
  INSERT INTO nothing SELECT FROM generate_series(1, 3);
  INSERT INTO counters VALUES (1, 100);
  INSERT INTO dropped VALUES (1, 2), (3, 4);
  SELECT nextval('downward'), nextval('downward');
  SELECT nextval('spent'), nextval('spent'), nextval('spent');
`;

/** A backup of everything, with the schema as pg_dump tells it, or where none fits the server as the catalog does. */
export async function backUpWhole(database: Database, repository: string) {
  const { program } = await findPgDump({ serverVersion: database.serverVersion, searchPath: process.env["PATH"] });
  const captureSchema = async (): Promise<CapturedSchema> => {
    if (program === undefined) {
      const { writeSchema } = await import("../../src/catalog/write.js");
      const scripts = await withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, writeSchema);
      return { origin: "catalog", writtenBy: "roomctl", ...scripts };
    }
    const { preData, postData } = await dumpSchema(database.target, {
      program,
      serverVersion: database.serverVersion,
      lockTimeoutMs: 3000,
    });
    return { origin: "pg_dump", writtenBy: program.name, preData, postData };
  };
  return createBackup(database, { repository, clock: systemClock, captureSchema });
}

/** Restores the newest backup, schema and rows, into a database without tables. */
export async function restoreWholeLatest(database: Database, repository: string, jobs = 3) {
  const backup = await openSoundBackup(repository, "latest");
  return withLock(database, "change", { waitMs: 0 }, (lock) =>
    restoreWhole(database, { backup, jobs, lock, clock: systemClock }),
  );
}

/** Changes the schema of the newest backup, with digests that vouch for it. */
export function forgePreData(repository: string, change: (sql: string) => string): void {
  const id = readdirSync(repository).filter(isBackupId).sort().at(-1) ?? "";
  const [file, script] = [manifestFile, "schema/pre-data.sql"].map((name) => join(repository, id, name));
  if (file === undefined || script === undefined) return;
  const manifest = parseManifest(readFileSync(file, "utf8"), id);
  const sql = Buffer.from(change(readFileSync(script, "utf8")));
  const preData = { file: "schema/pre-data.sql", sizeBytes: sql.length, sha256: sha256(sql) };
  writeFileSync(script, sql);
  writeFileSync(file, formatManifest({ ...manifest, schema: { ...manifest.schema, preData } as ManifestSchema }));
}
