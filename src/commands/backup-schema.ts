import type { CapturedSchema } from "../backup/schema-files.js";
import { writeSchema } from "../catalog/write.js";
import { type ErrorCode, RoomctlError } from "../core/errors.js";
import { packageVersion } from "../core/package-root.js";
import { dumpSchema } from "../db/pg-dump.js";
import { findPgDump, type PgDump, type PgDumpSearch } from "../db/pg-dump-find.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { plural } from "../report/text.js";
import { describingMigrations, type MigrationSet } from "./backup-schema-migrations.js";
import type { SchemaChoice } from "./backup-schema-options.js";
import type { CommandContext } from "./command.js";

type Told = Pick<CommandContext, "settings" | "signal" | "tell" | "warn" | "onProgress">;

/**
 * How a backup of this database will keep its schema. What comes back captures it, as often as it is called: with pg_dump
 * where one fits the server; else as the migrations that built it, where a comparison says that they did; else from the
 * catalog. Says on stderr which it was, and why not a better one. It throws E_CONFIG when the pg_dump that was named does
 * not fit, E_SCHEMA when the migrations that were asked for do not describe the database, E_UNSUPPORTED when nothing can
 * tell all of it, and what pg_dump failed with.
 */
export function captureSchemaFor(
  context: Told,
  database: Database,
  choice: SchemaChoice,
): () => Promise<CapturedSchema> {
  switch (choice.schema) {
    case "none":
      return async () => ({ origin: "none", why: "--schema none" });
    case "catalog":
      return () => fromCatalog(database);
    case "migrations":
      return async () => fromMigrations(context, await describingMigrations(context, database, choice));
    case "pg_dump":
    case "auto":
      return fromBest(context, database, choice);
  }
}

function fromBest(context: Told, database: Database, choice: SchemaChoice): () => Promise<CapturedSchema> {
  let search: Promise<PgDumpSearch> | undefined;
  return async () => {
    search ??= searchProgram(context, database, choice);
    const { program, reason, hint } = await search;
    if (program) return fromPgDump(context, database, program);
    if (choice.schema === "pg_dump" || choice.pgDump !== undefined) {
      throw new RoomctlError("E_CONFIG", `no pg_dump fits: ${reason}`, { hint });
    }
    return withoutPgDump(context, database, { choice, reason, hint });
  };
}

function searchProgram({ signal }: Told, { serverVersion }: Database, choice: SchemaChoice): Promise<PgDumpSearch> {
  const { pgDump: given, programs = { searchPath: process.env["PATH"] } } = choice;
  return findPgDump({ ...programs, serverVersion, given, signal });
}

async function fromPgDump(context: Told, database: Database, program: PgDump): Promise<CapturedSchema> {
  context.onProgress({ message: "reading the schema with pg_dump" });
  const { preData, postData, warnings } = await dumpSchema(database.target, {
    program,
    serverVersion: database.serverVersion,
    lockTimeoutMs: context.settings.lockTimeoutMs.value,
    signal: context.signal,
  });
  for (const warning of [...warnings, ...(await hiddenOptions(database))]) context.warn(warning);
  context.tell(`schema: ${program.name} (${program.path})`);
  return { origin: "pg_dump", writtenBy: program.name, preData, postData };
}

/** What pg_dump leaves out without a word. */
async function hiddenOptions(database: Database): Promise<readonly string[]> {
  const hidden = await database.query<{ server: string; role: string }>(loadStatement("backup/hidden-options"));
  return hidden.map(
    ({ server, role }) =>
      `not in the schema, since this role may not read them: options of the user mapping for ${role} at ${server}`,
  );
}

interface Lack {
  readonly choice: SchemaChoice;
  readonly reason: string;
  readonly hint: string;
}

async function withoutPgDump(context: Told, database: Database, lack: Lack): Promise<CapturedSchema> {
  const { choice, reason, hint } = lack;
  const migrations = await reasonedMigrations(context, database, choice);
  if (typeof migrations !== "string") {
    context.warn(`the schema is kept as migrations, since no pg_dump fits: ${reason}; ${hint}`);
    return fromMigrations(context, migrations);
  }
  try {
    const captured = await fromCatalog(database);
    context.warn(`the schema is kept as roomctl reads it from the catalog, since no pg_dump fits: ${reason}; ${hint}`);
    context.tell(`the migrations do not describe it: ${migrations}`);
    return captured;
  } catch (error) {
    if (!(error instanceof RoomctlError) || error.code !== "E_UNSUPPORTED") throw error;
    throw new RoomctlError(error.code, `${error.message}; no pg_dump fits: ${reason}; no migrations: ${migrations}`, {
      hint: `${hint}; or keep the rows alone: roomctl backup create --schema none`,
      cause: error.cause,
    });
  }
}

/** What says that migrations cannot stand for the schema, and so is no failure as long as something else can. */
const reasons: readonly ErrorCode[] = [
  "E_SCHEMA",
  "E_NO_MIGRATIONS",
  "E_MIGRATION_ORDER",
  "E_MIGRATION_FAILED",
  "E_USAGE",
  "E_FILE",
  "E_EMBEDDED",
];

async function reasonedMigrations(
  context: Told,
  database: Database,
  choice: SchemaChoice,
): Promise<MigrationSet | string> {
  try {
    return await describingMigrations(context, database, choice);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof RoomctlError && reasons.includes(error.code)) return error.message;
    throw error;
  }
}

function fromMigrations(context: Told, { files, count }: MigrationSet): CapturedSchema {
  context.tell(`schema: ${plural(count, "migration")}`);
  return { origin: "migrations", writtenBy: `roomctl ${packageVersion()}`, files };
}

async function fromCatalog(database: Database): Promise<CapturedSchema> {
  const options = { isolation: "REPEATABLE READ", readOnly: true } as const;
  const { preData, postData } = await withTransaction(database, options, writeSchema);
  return { origin: "catalog", writtenBy: `roomctl ${packageVersion()}`, preData, postData };
}
