import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName } from "./identifier.js";
import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Queryable } from "./pool.js";

/** A table that no wipe may touch. By name: one that is dropped and made again is still protected. */
export interface ProtectedTable extends QualifiedName {
  readonly protectedAt: Date;
  readonly protectedBy: string;
  readonly note: string | null;
}

/** The tables that this database says are protected. Writes nothing. */
export async function readProtected(queryable: Queryable): Promise<readonly ProtectedTable[]> {
  if (!(await hasOwnTable(queryable, "protected"))) return [];
  return queryable.query<ProtectedTable>(
    `SELECT schema, name, protected_at AS "protectedAt", protected_by AS "protectedBy", note
       FROM roomctl.protected ORDER BY schema, name`,
  );
}

/** Protects a table, or gives its protection another note. Throws E_UNKNOWN_TABLE when there is no such table. */
export async function protectTable(connection: Connection, table: QualifiedName, note: string | null): Promise<void> {
  const found = await connection.query(
    `SELECT FROM pg_class AS class JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
      WHERE namespace.nspname = $1 AND class.relname = $2 AND class.relkind IN ('r', 'p')`,
    [table.schema, table.name],
  );
  if (found.length === 0) {
    throw new RoomctlError("E_UNKNOWN_TABLE", `there is no table ${formatName(table)} to protect`, {
      hint: "name it as roomctl wipe shows it",
    });
  }
  await ensureOwnSchema(connection);
  await connection.execute(
    `INSERT INTO roomctl.protected (schema, name, note) VALUES ($1, $2, $3)
     ON CONFLICT (schema, name) DO UPDATE SET note = coalesce(excluded.note, protected.note)`,
    [table.schema, table.name, note],
  );
}

/** Takes a protection away; also of a table that is gone. True when there was one. */
export async function unprotectTable(connection: Connection, { schema, name }: QualifiedName): Promise<boolean> {
  if (!(await hasOwnTable(connection, "protected"))) return false;
  const rows = await connection.execute("DELETE FROM roomctl.protected WHERE schema = $1 AND name = $2", [
    schema,
    name,
  ]);
  return rows > 0;
}
