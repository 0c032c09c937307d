import { hostname, userInfo } from "node:os";
import { packageVersion } from "../core/package-root.js";
import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Queryable } from "./pool.js";

type OperationKind = "wipe" | "restore" | "recover" | "sequences reset" | "seed";

/** One thing that roomctl did to the data of a database. */
export interface Operation {
  readonly id: number;
  readonly kind: OperationKind;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Database role, then the operating system's user and host. */
  readonly role: string;
  readonly osUser: string;
  readonly host: string;
  readonly toolVersion: string;
  readonly plan: unknown;
  readonly result: unknown;
}

export type NewOperation = Pick<Operation, "kind" | "startedAt" | "plan" | "result">;

/** Writes the row that says what was done, in the caller's transaction, so that it is there exactly when the change is. */
export async function recordOperation(connection: Connection, operation: NewOperation): Promise<number> {
  await ensureOwnSchema(connection);
  const [row] = await connection.query<{ id: string }>(
    `INSERT INTO roomctl.operations (kind, started_at, os_user, host, tool_version, plan, result)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
    [
      operation.kind,
      operation.startedAt,
      userInfo().username,
      hostname(),
      packageVersion(),
      JSON.stringify(operation.plan),
      JSON.stringify(operation.result),
    ],
  );
  return Number(row?.id);
}

/** The newest operations first; none when roomctl never changed this database. Writes nothing. */
export async function readOperations(queryable: Queryable, limit: number): Promise<readonly Operation[]> {
  if (!(await hasOwnTable(queryable, "operations"))) return [];
  return queryable.query<Operation>(
    `SELECT id::int, kind, started_at AS "startedAt", finished_at AS "finishedAt", role, os_user AS "osUser", host,
            tool_version AS "toolVersion", plan, result
       FROM roomctl.operations ORDER BY id DESC LIMIT $1`,
    [limit],
  );
}
