import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement, Parser } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import { describeFailure } from "./failure.js";
import type { MigrationFile } from "./files.js";
import { changesServer, reachesOtherServers } from "./reach.js";
import { createNamedRoles } from "./roles.js";
import { assertNoOwnControl, parseScript, type Script } from "./script.js";

/** A migration with its parts parsed. */
export interface ParsedMigration {
  readonly file: MigrationFile;
  readonly up: Script;
  readonly down?: Script;
}

/** Parses both parts of a migration. Throws E_USAGE when the up part has a transaction of its own. */
export function parseMigration(parser: Parser, file: MigrationFile): ParsedMigration {
  const up = parseScript(parser, file.up);
  assertNoOwnControl(up);
  return { file, up, ...(file.down === undefined ? {} : { down: parseScript(parser, file.down) }) };
}

export interface BuildOptions {
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

/**
 * Brings an empty scratch database to where migrations lead, without history, locks or retries: what is there is nobody
 * else's. Roles that the scripts name are made if the server does not have them; what reaches beyond the database
 * (subscriptions, other databases, ALTER SYSTEM) is left out.
 * Throws E_MIGRATION_FAILED with file, line and column.
 */
export async function buildSchema(
  database: Database,
  migrations: readonly ParsedMigration[],
  options: BuildOptions = {},
): Promise<void> {
  await createNamedRoles(database, migrations);
  await using connection = await database.connect();
  for (const [index, { file, up }] of migrations.entries()) {
    options.onProgress?.({ message: `building ${file.name}`, done: index, total: migrations.length });
    const statements = up.statements.filter((one) => !reachesOtherServers(one) && !changesServer(one));
    await runScript(connection, file.name, { ...up, statements });
  }
}

/** Runs a script as a migrator does: in one transaction, or each statement by itself. What it sets ends with it. */
export async function runScript(connection: Connection, migration: string, script: Script): Promise<void> {
  if (script.isTransactional) await connection.execute("BEGIN");
  try {
    for (const statement of script.statements) await runStatement(connection, migration, { script, statement });
    if (script.isTransactional) await connection.execute("COMMIT");
  } catch (error) {
    // A session that is lost takes all of it back by its end: the error that brought us here is the one to report.
    await takeBack(connection, script).catch(() => connection.discard());
    throw error;
  }
  // What it set (search_path, a role, temporary tables) must not rule the next one.
  await connection.reset();
}

async function takeBack(connection: Connection, { isTransactional }: Script): Promise<void> {
  if (isTransactional) await connection.execute("ROLLBACK");
  await connection.reset();
}

interface Placed {
  readonly script: Script;
  readonly statement: ParsedStatement;
}

/** Runs one statement. Throws E_MIGRATION_FAILED with file, line and column. */
export async function runStatement(
  connection: Connection,
  migration: string,
  { script, statement }: Placed,
): Promise<void> {
  try {
    await connection.query(statement.text);
  } catch (error) {
    const { code, message, why, hint } = describeFailure(error, {
      migration,
      file: script,
      statement,
      isTrial: true,
    });
    throw new RoomctlError(code, `${message}: ${why}`, { hint, cause: error });
  }
}
