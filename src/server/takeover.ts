import { RoomctlError } from "../core/errors.js";
import { referenceShapes } from "../core/reference-shapes.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";

export interface Takeover {
  readonly epoch: string;
  /** Servers that were fenced: this instance's earlier lives, and others whose heartbeat stopped. */
  readonly fenced: number;
}

export interface TakeoverOptions {
  readonly instance: string;
  readonly pid: number;
  /** A server of another instance counts as gone when its heartbeat is older. */
  readonly aliveSeconds: number;
  readonly statement: (name: string) => string;
}

/** How long a batch of the server before may still hold its row: longer than its statement may run. */
const lockTimeoutMs = 10_000;

/**
 * The fence: a new epoch, after which no statement of an older one can write. Waits for what they have under way. Must
 * be done before anything is read. Throws E_SCHEMA when the database is not as this server needs it.
 */
export async function takeOver(database: Database, options: TakeoverOptions): Promise<Takeover> {
  await assertSchema(database);
  const { instance, pid, aliveSeconds, statement } = options;
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    const [taken] = await withTransaction(database, { lockTimeoutMs }, (connection) =>
      connection.query<Takeover>(statement("server/take-over"), [instance, pid, aliveSeconds]),
    );
    if (taken) return taken;
  }
  throw new RoomctlError("E_LIVE", `other servers keep taking over as ${JSON.stringify(instance)}`, {
    hint: "give each server a name of its own: roomctl serve --instance NAME",
  });
}

interface Misfit {
  readonly name: string;
  readonly wanted: string;
  readonly found: string | null;
}

async function assertSchema(database: Database): Promise<void> {
  const [first, ...more] = await database.query<Misfit>(loadStatement("server/schema"), [
    JSON.stringify(referenceShapes),
  ]);
  if (!first) return;
  const what = first.found === null ? "is missing" : `is ${first.found}, not ${first.wanted}`;
  const rest = more.length === 0 ? "" : ` (and ${more.length} more)`;
  throw new RoomctlError("E_SCHEMA", `the schema is not as this server needs it: ${first.name} ${what}${rest}`, {
    hint: "bring it up to date: roomctl migrate; a newer one needs a newer roomctl",
  });
}

/** Leaves a sign of life. False when somebody took over: this server owns nothing any more. */
export async function beat(database: Database, epoch: string): Promise<boolean> {
  return (await database.execute(loadStatement("server/heartbeat"), [epoch])) > 0;
}

/** Says that this server stopped of its own will, so that nobody waits for its heartbeat to grow old. */
export async function sayStopped(database: Database, epoch: string): Promise<void> {
  await database.execute(loadStatement("server/stop"), [epoch]);
}
