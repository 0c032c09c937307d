import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createBackup } from "../../src/backup/create.js";
import { systemClock } from "../../src/core/clock.js";
import { packageRoot } from "../../src/core/package-root.js";
import type { Database } from "../../src/db/pool.js";
import { createBackupFolder } from "../support/backup.js";
import { programPath, runRoomctl } from "../support/cli.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const clock = systemClock;

/** Columns with values that other tools lose, change or stumble over; each table's rows are compared as text afterwards. */
const hostileValues = `
  CREATE TYPE mood AS ENUM ('sad', 'o''k', 'very "happy"', '\\N');
  CREATE TYPE pair AS (a int, b text, c mood);
  CREATE DOMAIN checked_pair AS pair CHECK ((VALUE).a > 0);
  CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
  CREATE TYPE span AS RANGE (SUBTYPE = timestamptz);
  CREATE TABLE numbers (f4 real, f8 double precision, n numeric, i8 bigint, m money);
  INSERT INTO numbers VALUES ('NaN', 'NaN', 'NaN', -9223372036854775808, '-92233720368547758.08'),
    ('Infinity', '-Infinity', 'Infinity', 9223372036854775807, '92233720368547758.07'), ('-0', '-0', '-0.000', 0, 0),
    ('1e-45', '5e-324', '0.1000', 1, 1), ('3.4028235e38', '1.7976931348623157e308', 10::numeric ^ 500, 2, 2),
    (0.1, 0.30000000000000004, 1e-500::numeric(1000, 501), 3, 3), (NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE times (at timestamptz, plain timestamp, day date, clock time, zoned timetz, span interval);
  INSERT INTO times VALUES ('4713-01-01 00:00:00+00 BC', '4714-11-24 00:00:00 BC', '4714-11-24 BC', '24:00', '24:00-15:59', '-178000000 years'),
    ('infinity', '-infinity', 'infinity', '00:00', '00:00+15:59', '1 mon -1 day 00:00:00.000001'),
    ('294276-12-31 23:59:59.999999+00', '0044-03-15 BC', '5874897-12-31', '23:59:59.999999', '12:00+00', '178000000 years');
  CREATE TABLE ranges (a int4range, b span, c int4multirange, d tstzmultirange, e numrange);
  INSERT INTO ranges VALUES ('empty', '[,)', '{}', '{[,)}', '(,NaN]'), ('[1,2)', '[2020-01-01, infinity]', '{[1,2),[5,6)}', NULL, '[0.10,0.100]');
  CREATE TABLE composites (a pair, b checked_pair, c pair[], d checked_pair[], e mood[], f email[], g mood);
  INSERT INTO composites VALUES (ROW(1, 'a,"b"(', 'sad'), ROW(2, NULL, NULL), ARRAY[ROW(1, '', 'o''k')::pair, NULL],
    ARRAY[ROW(3, '{}', 'very "happy"')::checked_pair], ARRAY['\\N'::mood, NULL], ARRAY['a@b'], '\\N'), (NULL, NULL, '{}', NULL, '{}', '{}', NULL);
  CREATE TABLE arrays (a int[], b text[][], c int[], d jsonb[], e bytea[]);
  INSERT INTO arrays VALUES ('[-2:0]={1,NULL,3}', '{{"NULL",NULL},{"","\\\\"}}', '{}', ARRAY['null'::jsonb, NULL], ARRAY['\\x00'::bytea, '']),
    ('[0:1][3:4]={{1,2},{3,4}}', '[5:5][5:5]={{x}}', NULL, '{}', '{}');
  CREATE TABLE texts (a text, b varchar(3), c char(5), d "char", e name);
`;

const moreValues = `
  INSERT INTO texts VALUES (E'\\\\.', '\\N', ' x', 'x', 'ü'), (E'\\n\\r\\t\\b\\f\\v\\\\', '', '', '', ''), (E'\\\\N', NULL, NULL, E'\\\\377', repeat('n', 63)),
    ('', 'äöü', 'é', NULL, NULL), (E'\\x01\\x7f\\u2028\\U0001F600', '"''', '--', '-', '$$'), (E'line one\\n\\\\.\\nline three', 'a', 'b', 'c', 'd');
  CREATE TABLE bytes (b bytea, bits bit(9), varying varbit);
  INSERT INTO bytes VALUES ('\\x00', '000000001', ''), ('\\x5c5c4e', '111111111', '1'), ('', '010101010', repeat('10', 100)::varbit),
    ('\\xffff', '000000000', NULL), (decode(repeat('00ff0a5c2e', 3000), 'hex'), NULL, NULL);
  CREATE TABLE documents (j json, b jsonb, x xml, v tsvector, q tsquery, p jsonpath);
  INSERT INTO documents VALUES ('{"a": 1, "a":  2}', '{"a": 1.50, "b": [1e400, "x"]}', '<a b="c">&amp;</a>', 'a:1A b:2,3', 'a & !b <-> c', '$.a[*] ? (@ > 1)'),
    (' null ', 'null', NULL, '', '', '$');
`;

const oddShapes = `
  CREATE TABLE geometry (a point, b lseg, c path, d box, e polygon, f circle, g line, h inet, i cidr, j macaddr8, k uuid, l pg_lsn);
  INSERT INTO geometry VALUES ('(NaN,-0)', '[(0,0),(1,1)]', '[(0,0),(Infinity,1)]', '(1,1),(0,0)', '((0,0),(1,1))', '<(0,0),1>', '{1,2,3}',
    '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03:04:05', '00000000-0000-0000-0000-000000000000', '16/B374D848');
  CREATE TABLE numbered (a regclass, b regtype[], c regproc, d oid);
  INSERT INTO numbered VALUES ('numbers', ARRAY['mood'::regtype, 'int'::regtype], 'now', 4294967295);
  CREATE TABLE no_columns (); INSERT INTO no_columns SELECT FROM generate_series(1, 5);
  CREATE TABLE only_generated (a int GENERATED ALWAYS AS (1) STORED); INSERT INTO only_generated DEFAULT VALUES;
  CREATE TABLE no_rows (a int, b mood);
  CREATE TABLE "sel""ect\n; DROP TABLE x'" ("from ""me""" text, "ö" text);
`;

const values = `${hostileValues}${moreValues}${oddShapes}
  INSERT INTO "sel""ect\n; DROP TABLE x'" VALUES ('1', '2')`;

test.each(serverNames.flatMap((server) => (["binary", "text"] as const).map((format) => [server, format] as const)))(
  "values that others stumble over come back on %s from %s chunks as they were",
  async (server, format) => {
    using folder = createBackupFolder();
    await using scratch = await createScratchDatabase({ server });
    await using source = await scratch.open();
    await source.execute(values);
    await createBackup(source, { repository: folder.directory, clock, ...(format === "text" ? { format } : {}) });
    await using copy = await createScratchDatabase({ server });
    await using target = await copy.open();
    // The tables are made by the same statements, without rows: what comes back can only come from the backup.
    await target.execute(values);
    for (const name of await tableNames(target)) await target.execute(`TRUNCATE ${name}`);
    const restored = await runRoomctl(["backup", "restore", "latest"], {
      databaseUrl: copy.url,
      environment: { ROOMCTL_REPO: folder.directory },
    });
    expect([restored.status, restored.stderr]).toEqual([0, ""]);
    const [before, after] = [await contentsOf(source), await contentsOf(target)];
    expect(Object.keys(before).length).toBe(14);
    expect(after).toEqual(before);
  },
);

async function tableNames(database: Database): Promise<readonly string[]> {
  const rows = await database.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

async function contentsOf(database: Database): Promise<Readonly<Record<string, readonly object[]>>> {
  const contents: Record<string, readonly object[]> = {};
  for (const name of await tableNames(database)) {
    contents[name] = await database.query(`SELECT t::text COLLATE "C" AS row FROM ${name} AS t ORDER BY 1`);
  }
  return contents;
}

test("a text of 200 MB is backed up and verified in bounded memory", async () => {
  using folder = createBackupFolder();
  await using scratch = await createScratchDatabase({ server: serverNames.at(-1) });
  await using database = await scratch.open();
  await database.execute(`CREATE TABLE huge (id int, body text);
    INSERT INTO huge SELECT n, repeat(md5(n::text) || E'\\n\\t', 6000000) FROM generate_series(1, 2) AS n`);
  const report = join(packageRoot, "bench", "report-memory.cjs");
  const run = (...words: string[]) =>
    promisify(execFile)(process.execPath, ["--require", report, programPath, ...words, "--repo", folder.directory], {
      env: { PATH: process.env["PATH"], ROOMCTL_DATABASE_URL: scratch.url },
    });
  for (const words of [
    ["backup", "create", "--schema", "none"],
    ["backup", "verify"],
  ]) {
    const { stderr } = await run(...words);
    const peakMb = Number(/peak-rss-kb (\d+)/.exec(stderr)?.[1]) / 1024;
    expect(peakMb).toBeGreaterThan(30);
    expect(peakMb).toBeLessThan(250);
  }
  rmSync(folder.directory, { recursive: true });
});
