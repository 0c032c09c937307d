import type { Manifest } from "../backup/manifest.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { inUse } from "./connected.js";
import { createDatabaseStatement, propertyStatements } from "./database-words.js";

/** What a database is called while a backup is restored into it. */
export function temporaryName(backup: string): string {
  return `roomctl_restoring_${backup}`;
}

/** `absent`: not begun. `unfinished`: somebody's restore was cut off. `complete`: only the renaming is left. */
export type TemporaryState = "absent" | "unfinished" | "complete";

/** Says in the database's comment that all of it is there: the ledger is gone by then. */
const completeComment = "roomctl restore: complete";

export async function readTemporary(administration: Database, backup: string): Promise<TemporaryState> {
  const [row] = await administration.query<{ comment: string | null }>(
    "SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1",
    [temporaryName(backup)],
  );
  if (row === undefined) return "absent";
  return row.comment === completeComment ? "complete" : "unfinished";
}

export async function databaseExists(administration: Database, name: string): Promise<boolean> {
  const rows = await administration.query("SELECT FROM pg_database WHERE datname = $1", [name]);
  return rows.length > 0;
}

/** The name, or the first one like it that nobody has: `app_before_ID`, `app_before_ID_2`. Cut to what a name may be long. */
export async function freeName(administration: Database, wanted: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? "" : `_${number}`;
    const name = cutTo(wanted, longestName - suffix.length) + suffix;
    if (!(await databaseExists(administration, name))) return name;
  }
}

/** Bytes of a name, in UTF-8: NAMEDATALEN less one. */
const longestName = 63;

function cutTo(text: string, bytes: number): string {
  const whole = [...text];
  while (Buffer.byteLength(whole.join("")) > bytes) whole.shift();
  return whole.join("");
}

/** Makes the temporary database as the backup's was. Throws E_SCHEMA for a locale that the server lacks, E_PRIVILEGE. */
export async function createTemporary(administration: Database, { id, databaseProperties }: Manifest): Promise<void> {
  const majorVersion = Math.floor(administration.serverVersion / 10_000);
  try {
    await administration.execute(createDatabaseStatement(temporaryName(id), databaseProperties, majorVersion));
  } catch (cause) {
    if (cause instanceof RoomctlError) throw cause;
    if (codeOf(cause) === sqlstate.insufficientPrivilege) {
      throw new RoomctlError("E_PRIVILEGE", "this role may not create databases", {
        cause,
        hint: "give it the right with ALTER ROLE … CREATEDB, or restore into an empty database: roomctl backup restore",
      });
    }
    const { encoding, collate, locale } = databaseProperties;
    throw new RoomctlError("E_SCHEMA", `a database like the backup's cannot be made here: ${messageOf(cause)}`, {
      cause,
      hint: `its encoding is ${encoding}, its locale ${locale ?? collate}: install it, or make a database yourself and restore into that`,
    });
  }
}

/** To be run in the transaction that ends the restore: from then on only the renaming is left. */
export function markCompleteStatement(backup: string): string {
  return `COMMENT ON DATABASE ${quoteIdentifier(temporaryName(backup))} IS ${quoteLiteral(completeComment)}`;
}

/** What was begun and cannot be gone on with. It never had a name of its own, so nobody misses it. */
export async function dropTemporary(administration: Database, backup: string): Promise<void> {
  await administration.execute(`DROP DATABASE ${quoteIdentifier(temporaryName(backup))}`);
}

export interface HandOverOptions {
  readonly manifest: Manifest;
  /** What the restored database is called from now on. */
  readonly name: string;
  /** What the database that has that name now is called then; without it nobody may have the name. */
  readonly keepAs?: string;
  readonly onWarning?: (message: string) => void;
}

/**
 * Gives the complete database its name, settings and owner, in one transaction: whoever connects finds the old database
 * or the new one. Throws E_LIVE naming who is connected, E_NOT_EMPTY when the name is taken.
 */
export async function handOver(administration: Database, options: HandOverOptions): Promise<void> {
  const { manifest, name, keepAs } = options;
  const from = temporaryName(manifest.id);
  try {
    await withTransaction(administration, {}, async (connection) => {
      const rename = (old: string, now: string) =>
        connection.execute(`ALTER DATABASE ${quoteIdentifier(old)} RENAME TO ${quoteIdentifier(now)}`);
      if (keepAs !== undefined) await rename(name, keepAs);
      await rename(from, name);
      for (const statement of propertyStatements(name, manifest.databaseProperties)) {
        await attempt(connection, statement, options);
      }
      const owner = quoteIdentifier(manifest.databaseProperties.owner);
      await attempt(connection, `ALTER DATABASE ${quoteIdentifier(name)} OWNER TO ${owner}`, options);
      // Who may connect was somebody's decision: what takes a database's place opens it to nobody else.
      const rights = keepAs === undefined ? [] : await readRights(connection, keepAs, name);
      for (const statement of rights) await attempt(connection, statement, options);
    });
  } catch (error) {
    if (isNameConflict(error)) throw nameTaken(name, error);
    if (codeOf(error) === sqlstate.invalidCatalogName) throw gone(options, error);
    if (codeOf(error) === "55006") throw await inUse(administration, [name, from], error);
    throw error;
  }
}

/** Whoever takes the name in the same moment is not seen as a database yet, only met in the catalog's unique index. */
function isNameConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === sqlstate.duplicateDatabase || code === sqlstate.uniqueViolation;
}

async function readRights(connection: Connection, from: string, to: string): Promise<readonly string[]> {
  const rows = await connection.query<{ statement: string }>(loadStatement("restore/database-rights"), [from, to]);
  return rows.map(({ statement }) => statement);
}

export function nameTaken(name: string, cause?: unknown): RoomctlError {
  return new RoomctlError("E_NOT_EMPTY", `there is a database ${JSON.stringify(name)} already`, {
    cause,
    hint: "choose another name: --new-database NAME; or let the backup take the place of the configured database: --swap",
  });
}

function gone({ manifest, name }: HandOverOptions, cause: unknown): RoomctlError {
  return new RoomctlError(
    "E_NO_SUCH_DATABASE",
    `there is no database ${JSON.stringify(name)} any more to take the place of`,
    {
      cause,
      hint: `the restored one only needs a name: roomctl backup restore ${manifest.id} --new-database ${shellWord(name)}`,
    },
  );
}

/** A role or a setting may not be there on this server, or not be this role's to give: the database is good without it. */
async function attempt(connection: Connection, statement: string, { onWarning }: HandOverOptions): Promise<void> {
  await connection.execute("SAVEPOINT roomctl_property");
  try {
    await connection.execute(statement);
  } catch (error) {
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_property");
    onWarning?.(`left out, since the server refused it: ${statement} (${messageOf(error)})`);
  }
}
