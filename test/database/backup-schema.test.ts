import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { RoomctlError } from "../../src/core/errors.js";
import { quoteIdentifier, quoteLiteral } from "../../src/db/identifier.js";
import { loadParser } from "../../src/db/parse.js";
import { type DumpOptions, dumpSchema } from "../../src/db/pg-dump.js";
import { openDatabase } from "../../src/db/pool.js";
import { withTransaction } from "../../src/db/transaction.js";
import { hostileSchema } from "../support/backup.js";
import { untilBlocked } from "../support/blocked.js";
import { outcomeOf } from "../support/outcome.js";
import { createFakePgDump, pgDump15, referenceDump } from "../support/pg-dump.js";
import { createScratchDatabase, type ScratchDatabase, serverNames } from "../support/postgres.js";
import { richRoles, richSchema } from "../support/rich-schema.js";

const server = "postgres15";
const options: DumpOptions = { program: pgDump15, serverVersion: 150_000, lockTimeoutMs: 3000 };

/** Text that looks like what is taken out of a script, where it belongs to the schema. */
const treacherous = `
  CREATE FUNCTION treacherous() RETURNS text LANGUAGE sql AS $body$
    SELECT '
\\restrict abc
SET transaction_timeout = 0;
\\unrestrict abc
-- PostgreSQL database dump complete
\\connect other
    ' $body$;
  COMMENT ON FUNCTION treacherous() IS E'\\n\\\\unrestrict abc\\n';
`;

describe.skipIf(!serverNames.includes(server))("with pg_dump of 15", () => {
  test.each([
    ["one of each kind of object", richSchema],
    ["hostile names", hostileSchema],
    ["what looks like commands of psql", treacherous],
    ["nothing", ""],
  ])("a schema with %s, read and made again by plain queries, dumps byte for byte the same", async (_, sql) => {
    await using source = await createScratchDatabase({ server });
    await using target = await createScratchDatabase({ server });
    await using database = await source.open();
    await database.execute(`${richRoles}; ${sql}`);
    const { preData, postData, warnings } = await dumpSchema(source.target, options);
    await using copy = await target.open();
    await copy.execute(preData);
    await copy.execute(postData);
    expect(referenceDump(target.target)).toBe(referenceDump(source.target));
    expect(warnings).toEqual([]);
    // Nothing in them is for psql alone.
    const parser = await loadParser();
    const statements = [preData, postData].flatMap((script) => parser.parse(script));
    expect(statements.filter(({ problem }) => problem !== null)).toEqual([]);
  });

  test("what rows need comes before them, indexes and keys after them, roomctl's own tables too", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE SCHEMA roomctl; CREATE TABLE roomctl.marker (id int PRIMARY KEY, name text DEFAULT 'é')",
    );
    const { preData, postData } = await dumpSchema(scratch.target, options);
    expect(preData).toMatch(/CREATE TABLE roomctl\.marker[^;]*DEFAULT 'é'/);
    expect(postData).toMatch(/ALTER TABLE ONLY roomctl\.marker\s+ADD CONSTRAINT marker_pkey/);
    expect(preData).not.toContain("PRIMARY KEY");
    expect(postData).not.toContain("CREATE TABLE");
    for (const script of [preData, postData]) expect(script).toContain("set_config('search_path', '', false)");
  });

  test("names and passwords of any kind reach it, and none in its arguments", async () => {
    const name = `host=nowhere 'a"b\n \\`;
    const role = `roomctl "dumper" = '${process.pid}`;
    const password = `p'a ss"\\=${process.pid}`;
    using fake = createFakePgDump(`
      tr '\\0' '\\n' < /proc/$$/cmdline >> $notes/cmdline
      tr '\\0' '\\n' < /proc/$$/environ > $notes/environ-$$
      cat $notes/environ-$$ > $notes/environ
      exec ${pgDump15.path} "$@"`);
    await using scratch = await createScratchDatabase({ server, name });
    await using administration = await scratch.open();
    await administration.execute(`CREATE ROLE ${quoteIdentifier(role)} LOGIN PASSWORD ${quoteLiteral(password)}`);
    try {
      await administration.execute(`ALTER DATABASE ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(role)}`);
      const target = { ...scratch.target, user: role, password };
      await using database = await openDatabase(target);
      await database.execute("CREATE SCHEMA own; CREATE TABLE own.things (id int)");
      const { preData } = await dumpSchema(target, { ...options, program: fake.program });
      expect(preData).toContain(`ALTER TABLE own.things OWNER TO ${quoteIdentifier(role)}`);
    } finally {
      await administration.execute(
        `REASSIGN OWNED BY ${quoteIdentifier(role)} TO ${quoteIdentifier(scratch.target.user)}`,
      );
      await administration.execute(`DROP OWNED BY ${quoteIdentifier(role)}; DROP ROLE ${quoteIdentifier(role)}`);
    }
    expect(fake.note("cmdline")).toContain("--section=post-data");
    for (const secret of [password, role, name]) expect(fake.note("cmdline")).not.toContain(secret);
    expect(fake.note("environ")).toContain(`PGPASSWORD=${password}`);
    expect(fake.note("environ")).not.toMatch(/^(NODE|VITEST|ROOMCTL)/m);
  });

  test("a table that somebody has locked is waited for, not for ever", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE held (id int)");
    await withTransaction(database, {}, async (connection) => {
      await connection.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
      const error = await dumpSchema(scratch.target, { ...options, lockTimeoutMs: 200 }).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: "E_LOCK_TIMEOUT", cause: { message: expect.stringContaining("held") } });
    });
    expect((await dumpSchema(scratch.target, options)).preData).toContain("CREATE TABLE public.held");
  });

  test("an abort while it waits ends it and its sessions", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE held (id int)");
    await withTransaction(database, {}, async (connection) => {
      await connection.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
      const abort = new AbortController();
      const dumped = outcomeOf(dumpSchema(scratch.target, { ...options, lockTimeoutMs: 0, signal: abort.signal }));
      await untilBlocked(database, "roomctl/pg_dump");
      abort.abort();
      expect(await dumped).toBe("aborted");
      await untilGone(scratch);
    });
  });

  test("a role that may not read the tables is told so", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using administration = await scratch.open();
    const role = `roomctl_poor_${process.pid}`;
    await administration.execute(`CREATE TABLE closed (id int); CREATE ROLE ${role} LOGIN PASSWORD 'pass'`);
    try {
      const dumped = dumpSchema({ ...scratch.target, user: role, password: "pass" }, options);
      await expect(dumped).rejects.toMatchObject({
        code: "E_PRIVILEGE",
        cause: { message: expect.stringContaining("closed") },
      });
    } finally {
      await administration.execute(`DROP ROLE ${role}`);
    }
  });

  test("text that is not UTF-8 is refused, not replaced", async () => {
    await using scratch = await createScratchDatabase({ server });
    const name = `${scratch.target.database}_bytes`;
    await using administration = await scratch.open();
    await administration.execute(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`);
    try {
      await using database = await openDatabase({ ...scratch.target, database: name });
      await database.execute(
        "DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA public IS %L', convert_from('\\xe9', 'SQL_ASCII')); END $$",
      );
      await expect(dumpSchema(database.target, options)).rejects.toThrow("cannot be written in UTF-8");
    } finally {
      await administration.execute(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
});

async function untilGone(scratch: ScratchDatabase): Promise<void> {
  await using database = await scratch.open();
  for (let attempt = 0; attempt < 6000; attempt += 1) {
    const left = await database.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'roomctl/pg_dump'",
    );
    if (left.length === 0) return;
    await sleep(10);
  }
  throw new Error("a session of pg_dump is still there");
}

const complete = `--
-- PostgreSQL database dump
--

SET lock_timeout = 0;
SET transaction_timeout = 0;

--
-- Name: f; Type: FUNCTION
--

CREATE FUNCTION f() RETURNS void AS $$
SET transaction_timeout = 0;
$$;

--
-- PostgreSQL database dump complete
--

`;
const print = (script: string) => `cat << 'END_OF_SCRIPT'\n${script}END_OF_SCRIPT\n`;
const target = {
  host: "127.0.0.1",
  port: 1,
  database: "none",
  user: "nobody",
  password: "hush",
  sslMode: "disable",
  connectTimeoutMs: 1000,
} as const;

test("warnings are no failure, and passwords in them are not repeated", async () => {
  using fake = createFakePgDump(`echo 'pg_dump: warning: odd, password=hush' >&2\n${print(complete)}`);
  const dump = await dumpSchema(target, { ...options, program: fake.program });
  expect(dump.warnings).toEqual(["pg_dump: warning: odd, password=***"]);
  expect(dump.preData).toContain("CREATE FUNCTION f()");
});

test("a setting that the server does not know yet is left out, and stays where it belongs to a function", async () => {
  using fake = createFakePgDump(print(complete));
  const dump = (serverVersion: number) => dumpSchema(target, { ...options, serverVersion, program: fake.program });
  expect((await dump(170_000)).preData).toBe(complete);
  expect((await dump(160_009)).preData).toBe(complete.replace("SET transaction_timeout = 0;\n", ""));
});

test.each([
  ["fails", "echo 'pg_dump: error: query failed: no' >&2; exit 1", "E_SQL", /exit 1.*query failed: no/],
  ["fails after a whole script", `${print(complete)}exit 1`, "E_SQL", /exit 1.*it said nothing/],
  ["is killed", "kill -9 $$", "E_SQL", /SIGKILL/],
  ["prints nothing", "true", "E_SQL", /cut short/],
  ["is cut off", print(complete.slice(0, -60)), "E_SQL", /cut short/],
  [
    "is cut off before psql's last line",
    print(complete.replace("\n\n", "\n\n\\restrict abc\n\n")),
    "E_SQL",
    /cut short/,
  ],
  ["cannot connect", `exec ${pgDump15.path} "$@"`, "E_CONNECT", /connection to server .* failed/],
  ["is gone", "rm $0; kill -9 $$", "E_SQL", /./],
])("a pg_dump that %s is a failure with what it said", async (_, script, code, said) => {
  using fake = createFakePgDump(script);
  const error = await dumpSchema(target, { ...options, program: fake.program }).catch((thrown: unknown) => thrown);
  if (!(error instanceof RoomctlError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.code).toBe(code);
  expect(`${error.message} ${String(error.cause)}`).toMatch(said);
  expect(error.hint).toBeDefined();
});

test("a pg_dump that hangs ends with an abort, and so does what it started", async () => {
  using fake = createFakePgDump("trap '' TERM; echo $$ >> $notes/pids; sleep 60 & echo $! >> $notes/pids; sleep 60");
  const abort = new AbortController();
  const dumped = dumpSchema(target, { ...options, program: fake.program, signal: abort.signal });
  while (fake.note("pids").trim().split("\n").length < 4) await sleep(10);
  abort.abort(new Error("enough"));
  await expect(dumped).rejects.toThrow("enough");
  const pids = fake.note("pids").trim().split("\n").map(Number);
  await expect.poll(() => pids.filter(isRunning)).toEqual([]);
});

/** What has ended may wait, as a zombie, for somebody to ask how. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
