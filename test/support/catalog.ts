import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { writeSchema } from "../../src/catalog/write.js";
import { RoomctlError } from "../../src/core/errors.js";
import { quoteIdentifier } from "../../src/db/identifier.js";
import { type Database, openDatabase } from "../../src/db/pool.js";
import { compareSnapshots, readSchema, snapshotOf } from "../../src/db/snapshot.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName } from "./postgres.js";

const programs = "/usr/lib/postgresql/15/bin";

/** `pg_dump -s` of PostgreSQL 15, without the random word that newer minor versions put in against injection. */
async function dumpSchema({ target }: ScratchDatabase, ...words: readonly string[]): Promise<string> {
  const { host, port, user, database, password } = target;
  const { stdout } = await promisify(execFile)(
    `${programs}/pg_dump`,
    ["-s", ...words, "-h", host, "-p", String(port), "-U", user, database],
    { env: { PGPASSWORD: password, PGSSLMODE: "disable" }, maxBuffer: 1 << 26 },
  );
  return stdout.replace(/^\\(?:un)?restrict .*$/gm, "");
}

/** What came of writing a schema and making it again in an empty database. */
export interface RoundTrip {
  /** Lines of difference between the two; undefined when it was refused. */
  readonly differences: readonly string[] | undefined;
  /** The refusal's message. */
  readonly refusal: string | undefined;
}

export interface RoundTripOptions {
  readonly server: ServerName;
  /** Compare what pg_dump says as well. */
  readonly withDump?: boolean;
  /** Role that reads and makes; its password is `pass`. The superuser unless told. */
  readonly role?: string;
}

/** Writes the schema of `source`, makes it again in a new database, and compares the two. */
export async function roundTrip(source: ScratchDatabase, options: RoundTripOptions): Promise<RoundTrip> {
  await using database = await openAs(source, options.role);
  await using connection = await database.connect();
  let scripts: Awaited<ReturnType<typeof writeSchema>>;
  try {
    scripts = await writeSchema(connection);
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_UNSUPPORTED") {
      return { differences: undefined, refusal: error.message };
    }
    throw error;
  }
  await using copy = await createScratchDatabase({ server: options.server });
  if (options.role) await giveTo(copy, options.role);
  await using target = await openAs(copy, options.role);
  await using session = await target.connect();
  for (const script of [scripts.preData, scripts.postData]) await session.execute(script);
  const differences = [...compareSnapshots(await wholeSnapshot(connection), await wholeSnapshot(session))];
  if (options.withDump) {
    const [before, after] = await Promise.all([dumpSchema(source), dumpSchema(copy)]);
    if (before !== after) differences.push(...differingLines(before, after));
  }
  return { differences, refusal: undefined };
}

/** Makes a role the owner of a database. */
export async function giveTo(scratch: ScratchDatabase, role: string): Promise<void> {
  await using database = await scratch.open({ maxConnections: 1 });
  await database.execute(
    `ALTER DATABASE ${quoteIdentifier(scratch.target.database)} OWNER TO ${quoteIdentifier(role)}`,
  );
}

/** As a role whose password is `pass`, or as the superuser. */
export function openAs(scratch: ScratchDatabase, role: string | undefined): Promise<Database> {
  if (role === undefined) return scratch.open();
  return openDatabase({ ...scratch.target, user: role, password: "pass" });
}

/** With roomctl's own schema, which a snapshot leaves out. */
async function wholeSnapshot(connection: Parameters<typeof readSchema>[0]) {
  return {
    ...snapshotOf(await readSchema(connection)),
    ...snapshotOf(await readSchema(connection, { schemas: ["roomctl"] })),
  };
}

function differingLines(before: string, after: string): readonly string[] {
  const [first, second] = [before.split("\n"), after.split("\n")];
  const [inFirst, inSecond] = [new Set(first), new Set(second)];
  const lines = [
    ...first.filter((line) => !inSecond.has(line)).map((line) => `dump - ${line}`),
    ...second.filter((line) => !inFirst.has(line)).map((line) => `dump + ${line}`),
  ];
  return lines.length > 0 ? lines : ["dump: the same lines in another order"];
}

/** Runs `sql` as one text in a new database, as its superuser. */
export async function createSource(server: ServerName, ...sql: readonly string[]): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase({ server });
  await using database = await scratch.open({ maxConnections: 1 });
  for (const text of sql)
    await database.execute(text.replaceAll("%database%", quoteIdentifier(scratch.target.database)));
  return scratch;
}

/** A tablespace inside the data directory, for developers of PostgreSQL and for tests; made once a server, and left to it. */
export async function makeTablespace(scratch: ScratchDatabase): Promise<void> {
  await using database = await scratch.open({ maxConnections: 1 });
  await using connection = await database.connect();
  await connection.execute("SET allow_in_place_tablespaces = on");
  await connection.execute("CREATE TABLESPACE rich_space LOCATION ''").catch((error: unknown) => {
    // The second way to say so is that of a session that came at the same moment.
    if (!/already exists|duplicate key/.test(String(error))) throw error;
  });
}
