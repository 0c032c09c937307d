import { dirname } from "node:path";
import type { MigrationBuilder } from "node-pg-migrate";
import { RoomctlError } from "../core/errors.js";
import { asDriverClient, type RunStatement } from "../db/driver.js";
import { releaseLock, takeLock } from "../db/lock.js";
import type { Connection, Database } from "../db/pool.js";
import { leaveOwnSchemaOut } from "../db/search-path.js";
import type { MigrationFile } from "./files.js";
import type { SqlText } from "./layout.js";
import { loadParser } from "./parse.js";
import { assertNoOwnControl, parseScript, type Script } from "./script.js";
import type { SqlStatement } from "./statements.js";

export interface Execution {
  readonly migration: MigrationFile;
  readonly direction: "up" | "down";
  /** How long to wait for the server to end the session of a migrator that was killed. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
  /** Runs in the migration's transaction, before its first statement. */
  readonly beforeStatements?: (connection: Connection) => Promise<void>;
  /** Runs in the migration's transaction, after its last statement; not for a file without any. */
  readonly afterStatements?: (connection: Connection) => Promise<void>;
  /** Called as each statement of the file starts. */
  readonly onStatement?: (statement: SqlStatement, index: number, total: number) => void;
}

/**
 * Runs one migration and notes it in `roomctl.migrations`, both in one transaction, by node-pg-migrate. The session is
 * the migration's own and ends with it: node-pg-migrate leaves a failed transaction open, and a file may leave settings.
 */
export async function executeMigration(database: Database, execution: Execution): Promise<void> {
  const { migration, direction } = execution;
  const script = parseScript(await loadParser(), fileOf(migration, direction) ?? migration.up);
  assertNoOwnControl(script);
  const connection = await database.connect();
  try {
    await connection.query("SELECT set_config('application_name', $1, false)", [`roomctl/migrate ${migration.name}`]);
    await takeLock(connection, "migration", execution);
    await leaveOwnSchemaOut(connection);
    const { runner } = await import("node-pg-migrate");
    const ran = await runner({
      dbClient: asDriverClient(connection, observedRun(connection, execution, script)),
      dir: dirname(migration.up.path),
      ignorePattern: String.raw`(?![^]*\.up\.sql$)[^]*`,
      migrationLoaderStrategies: [{ extensions: [".sql"], loader: async () => [unitOf(migration, script)] }],
      migrationsSchema: "roomctl",
      migrationsTable: "migrations",
      direction,
      file: escapeName(migration.name),
      count: 1,
      noLock: true,
      singleTransaction: false,
      checkOrder: false,
      logger: silence,
    });
    if (ran.length === 1) return;
    throw new RoomctlError("E_PLAN_STALE", `${migration.name} is no longer there to be run`, {
      hint: "look again with: roomctl migrate status",
    });
  } finally {
    await releaseLock(connection, "migration");
  }
}

/** The file that a direction runs. */
export function fileOf(migration: MigrationFile, direction: "up" | "down"): SqlText | undefined {
  return direction === "up" ? migration.up : migration.down;
}

/** What node-pg-migrate sends, with our hooks around the statements of the file. */
function observedRun(connection: Connection, execution: Execution, { statements }: Script): RunStatement {
  let next = 0;
  return async (sql, values) => {
    const statement = statements[next];
    const isOfFile = statement !== undefined && sql === asSent(statement);
    if (isOfFile) {
      execution.onStatement?.(statement, next, statements.length);
      next += 1;
    }
    const rows = await connection.query(sql, values);
    if (sql === "BEGIN;") await execution.beforeStatements?.(connection);
    if (isOfFile && next === statements.length) await execution.afterStatements?.(connection);
    return sql.startsWith("SELECT name FROM") ? rows.map(escapeRow) : rows;
  };
}

/**
 * node-pg-migrate 9 pastes names between quotes as they are. So it is given them escaped, by the loader and by its
 * query of what has run alike: what it compares is equal, and what it writes is the true name.
 */
function escapeName(name: string): string {
  return name.replaceAll("'", "''");
}

function escapeRow(row: object): object {
  const name: unknown = Reflect.get(row, "name");
  return typeof name === "string" ? { ...row, name: escapeName(name) } : row;
}

function unitOf(migration: MigrationFile, { statements }: Script) {
  const run = (builder: MigrationBuilder) => {
    for (const statement of statements) builder.sql(asSent(statement));
  };
  return {
    // Its name is what stands before the last dot of the id.
    id: `${escapeName(migration.name)}.sql`,
    filePaths: [migration.up.path],
    // Two functions: given one for both, node-pg-migrate would try to invert it.
    actions: { up: run, down: (builder: MigrationBuilder) => run(builder) },
  };
}

function asSent(statement: SqlStatement): string {
  return `${statement.text};`;
}

const ignore = () => {};
const silence = { debug: ignore, info: ignore, warn: ignore, error: ignore };
