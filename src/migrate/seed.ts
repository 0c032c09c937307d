import { systemClock } from "../core/clock.js";
import { sha256 } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { type LockOptions, withLock } from "../db/lock.js";
import { isForDevelopment, readMarker } from "../db/marker.js";
import { recordOperation } from "../db/operations.js";
import { ensureOwnSchema } from "../db/own-schema.js";
import { loadParser, type ParsedStatement } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import { leaveOwnSchemaOut } from "../db/search-path.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { describeFailure } from "./failure.js";
import { readSqlFile } from "./files.js";
import { assertNoOwnControl, parseScript, type Script } from "./script.js";

export interface SeedResult {
  readonly file: string;
  readonly statements: number;
  /** Rows that the file inserted, by table. */
  readonly inserted: readonly SeededTable[];
}

interface SeededTable {
  readonly table: string;
  readonly rows: number;
}

/**
 * Fills a development database from an SQL file, all of it or nothing. Throws E_PROTECTED unless the database itself is
 * marked as development, E_SQL with the line of the statement that failed.
 */
export async function applySeed(database: Database, path: string, lock: LockOptions): Promise<SeedResult> {
  const file = parseScript(await loadParser(), readSqlFile(path));
  assertNoOwnControl(file);
  await assertDevelopment(database);
  return withLock(database, "change", lock, () =>
    withTransaction(database, {}, async (connection) => {
      const startedAt = systemClock.now();
      await ensureOwnSchema(connection);
      await leaveOwnSchemaOut(connection);
      for (const statement of file.statements) await runStatement(connection, file, statement);
      const inserted = await connection.query<SeededTable>(loadStatement("migrate/inserted-rows"));
      const plan = { file: path, checksum: sha256(file.sql) };
      await recordOperation(connection, { kind: "seed", startedAt, plan, result: { inserted } });
      return { file: path, statements: file.statements.length, inserted };
    }),
  );
}

async function assertDevelopment(database: Database): Promise<void> {
  const marker = await readMarker(database);
  if (await isForDevelopment(database, marker)) return;
  const what =
    marker && marker.environment !== "development" ? `is marked ${marker.environment}` : "is not marked as development";
  throw new RoomctlError(
    "E_PROTECTED",
    `nothing was changed: this database ${what}, and seed data belongs in none other`,
    {
      hint: "seed an empty database that roomctl migrated: roomctl --embedded migrate && roomctl --embedded seed",
    },
  );
}

async function runStatement(connection: Connection, file: Script, statement: ParsedStatement) {
  try {
    await connection.query(statement.text);
  } catch (error) {
    const failure = describeFailure(error, { migration: "the seed file", file, statement });
    const message = `${failure.message}: ${failure.why}`;
    if (codeOf(error) === sqlstate.raiseException) {
      // What a seed file raises is its own guard: demonstration data goes into an empty app.
      throw new RoomctlError("E_NOT_EMPTY", `nothing was changed: ${failure.why}`, {
        hint: "seed an empty database: roomctl wipe --scope all --confirm, then roomctl seed",
        cause: error,
      });
    }
    const code = failure.code === "E_MIGRATION_FAILED" ? "E_SQL" : failure.code;
    throw new RoomctlError(code, message, { hint: "correct the file, then run it again: roomctl seed", cause: error });
  }
}
