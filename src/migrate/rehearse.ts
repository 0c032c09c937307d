import { RoomctlError } from "../core/errors.js";
import { setSettings } from "../db/kept-settings.js";
import { loadParser, type Parser } from "../db/parse.js";
import type { Connection, Database } from "../db/pool.js";
import { leaveOwnSchemaOut } from "../db/search-path.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { describeFailure } from "./failure.js";
import type { MigrationFile } from "./files.js";
import { type Change, compareHoldings, type Holdings, readHoldings } from "./holdings.js";
import { type DataLoss, measureChange, showAllRows } from "./loss.js";
import { rehearsalOf } from "./rehearsable.js";
import { assertKeepsEncoding, assertNoOwnControl, parseScript, type Script } from "./script.js";

/** A migration to undo, and how many statements of its down file an interrupted try did already. */
type Undone = MigrationFile & { readonly done: number };

/** `redo`: the up files are run again after the down files, to see that they can. */
export type RehearsalPurpose = "down" | "redo";

export interface Rehearsal {
  /** What would be taken away, in the order in which it would go; also what holds nothing now (`rows: 0`). */
  readonly drops: readonly DataLoss[];
  /** The tables as they stood before the first step. */
  readonly start: Holdings;
}

/**
 * Undoes migrations in a transaction that is always rolled back, and says what would be gone. Reading the files would
 * not do: a down file may decide in a DO block what it drops. It takes the same table locks as the real run, waits for
 * each no longer than the session's lock_timeout, and gives them back before it counts rows.
 * Throws E_MIGRATION_FAILED when a down file does not run, E_LOCK_TIMEOUT when a lock does not come.
 */
export async function rehearseDown(
  database: Database,
  migrations: readonly Undone[],
  purpose: RehearsalPurpose = "down",
): Promise<Rehearsal> {
  if (migrations.length === 0) return { drops: [], start: new Map() };
  await using connection = await database.connect();
  await leaveOwnSchemaOut(connection);
  await connection.query(
    "SELECT set_config('track_counts', 'on', false) WHERE current_setting('track_counts') = 'off'",
  );
  await connection.execute("BEGIN");
  try {
    const start = await readHoldings(connection);
    await connection.execute("SAVEPOINT before_down");
    const changes = await undoEach(connection, migrations, start);
    if (purpose === "redo") await applyEach(connection, migrations);
    await connection.execute("ROLLBACK TO SAVEPOINT before_down");
    await showAllRows(connection);
    const drops: DataLoss[] = [];
    for (const change of changes) {
      const loss = await measureChange(connection, start, change);
      if (loss !== undefined) drops.push(loss);
    }
    await connection.execute("ROLLBACK");
    return { drops, start };
  } finally {
    connection.discard();
  }
}

type PlannedChange = Change & { readonly migration: string };

async function undoEach(
  connection: Connection,
  migrations: readonly Undone[],
  start: Holdings,
): Promise<readonly PlannedChange[]> {
  const changes: PlannedChange[] = [];
  const settings = await readSettings(connection);
  const parser = await loadParser();
  let before = start;
  for (const { name: migration, down, done } of migrations) {
    // In a subtransaction of its own, TRUNCATE gives a table that an earlier step rewrote a new file again.
    await connection.execute("SAVEPOINT before_step");
    if (down) {
      const script = parseScript(parser, down);
      const rest = { ...script, statements: script.statements.slice(done) };
      await rehearseScript(connection, parser, { migration, script: rest, verb: "undoing" });
    }
    await restoreSettings(connection, settings);
    const after = await readHoldings(connection);
    for (const change of await compareHoldings(connection, before, after)) changes.push({ ...change, migration });
    before = after;
  }
  return changes;
}

interface Rehearsed {
  readonly migration: string;
  readonly script: Script;
  readonly verb: "undoing" | "applying again";
}

async function applyEach(connection: Connection, migrations: readonly MigrationFile[]): Promise<void> {
  const parser = await loadParser();
  const settings = await readSettings(connection);
  try {
    for (const { name: migration, up } of migrations.toReversed()) {
      await rehearseScript(connection, parser, { migration, script: parseScript(parser, up), verb: "applying again" });
      await restoreSettings(connection, settings);
    }
  } catch (error) {
    // A new value of an enum can be used once it is committed: the real run commits in between, the rehearsal cannot.
    const cause: unknown = error instanceof RoomctlError ? error.cause : error;
    if (codeOf(cause) !== sqlstate.unsafeNewEnumValueUsage) throw error;
  }
}

async function rehearseScript(
  connection: Connection,
  parser: Parser,
  { migration, script, verb }: Rehearsed,
): Promise<void> {
  assertNoOwnControl(script);
  assertKeepsEncoding(script);
  for (const statement of script.statements) {
    const sql = rehearsalOf(script, statement, parser);
    try {
      if (sql !== undefined) await connection.query(sql);
    } catch (error) {
      const { code, message, why, hint } = describeFailure(error, { migration, file: script, statement });
      throw new RoomctlError(code, `${verb} ${message}: ${why}`, { hint, cause: error });
    }
  }
}

interface SessionSetting {
  readonly name: string;
  readonly setting: string;
}

function readSettings(connection: Connection): Promise<readonly SessionSetting[]> {
  return connection.query<SessionSetting>("SELECT name, setting FROM pg_settings WHERE source = 'session'");
}

/** The real run gives each migration a session of its own: a search_path or a role of one file must not rule the next. */
async function restoreSettings(connection: Connection, settings: readonly SessionSetting[]): Promise<void> {
  await connection.execute("RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL");
  const [names, values] = [settings.map(({ name }) => name), settings.map(({ setting }) => setting)];
  await setSettings(connection, names, values);
}
