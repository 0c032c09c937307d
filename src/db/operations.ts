import { hostname, userInfo } from "node:os";
import { packageVersion } from "../core/package-root.js";
import { ensureOwnSchema, hasOwnTable } from "./own-schema.js";
import type { Connection, Queryable } from "./pool.js";

export const operationKinds = ["wipe", "wipe undo", "restore", "recover", "sequences reset", "seed"] as const;
export type OperationKind = (typeof operationKinds)[number];

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

export interface NewOperation extends Pick<Operation, "kind" | "startedAt" | "plan" | "result"> {
  /** What `announceChange` returned for it; `epoch` of the result unless told. */
  readonly announced?: number;
}

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
  const id = Number(row?.id);
  await linkEpoch(connection, id, operation);
  return id;
}

/** A change is announced before its row can be written: the row holds the epoch. */
async function linkEpoch(connection: Connection, id: number, { announced, result }: NewOperation): Promise<void> {
  const inResult = typeof result === "object" && result !== null && "epoch" in result ? result.epoch : undefined;
  const epoch = announced ?? inResult;
  if (typeof epoch !== "number") return;
  await connection.execute("UPDATE roomctl.epochs SET operation = $1 WHERE epoch = $2 AND operation IS NULL", [
    id,
    epoch,
  ]);
}

/**
 * The newest operations first, of some kinds or of all, so many or all (null); none when roomctl never changed this
 * database. Writes nothing.
 */
export async function readOperations(
  queryable: Queryable,
  limit: number | null,
  kinds?: readonly OperationKind[],
): Promise<readonly Operation[]> {
  if (!(await hasOwnTable(queryable, "operations"))) return [];
  return queryable.query<Operation>(
    `${selectOperations} WHERE $2::text[] IS NULL OR kind = ANY ($2) ORDER BY id DESC LIMIT $1`,
    [limit, kinds ?? null],
  );
}

/** One of them; undefined when there is none of that number. Writes nothing. */
export async function readOperation(queryable: Queryable, id: number): Promise<Operation | undefined> {
  if (!(await hasOwnTable(queryable, "operations"))) return undefined;
  const [found] = await queryable.query<Operation>(`${selectOperations} WHERE id = $1`, [id]);
  return found;
}

const selectOperations = `SELECT id::int, kind, started_at AS "startedAt", finished_at AS "finishedAt", role,
         os_user AS "osUser", host, tool_version AS "toolVersion", plan, result FROM roomctl.operations`;
