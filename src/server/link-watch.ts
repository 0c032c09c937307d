import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { within } from "./bounded.js";
import { askTime, type TimeAnswer } from "./clock-difference.js";
import { tryToOwn } from "./link-own.js";
import { noteFenced, noteUp, patienceMs, type Supervision } from "./link-supervision.js";
import { beat } from "./takeover.js";

const lookMs = 1000;
const tidyMs = 60_000;
/** Of a thousand rows of each kind. */
const mostTidyRounds = 100;

/** When the next of each is due, by the monotonic clock. */
interface Due {
  beatAt: number;
  tidyAt: number;
}

/**
 * Looks after the database until the server stops or is fenced: tries to become the owner while it is not, then leaves
 * heartbeats, tidies up, follows the database's clock, and notices when the database goes and comes.
 */
export async function watch(supervision: Supervision): Promise<void> {
  const { parts, stopping } = supervision;
  const nowMs = parts.clock.monotonicMs();
  const due: Due = { beatAt: nowMs + parts.heartbeatMs, tidyAt: nowMs + tidyMs };
  const told = { last: "" };
  while (!supervision.isFenced) {
    await sleep(lookMs, undefined, { signal: stopping.signal }).catch(() => {
      // Stopping ends the wait.
    });
    if (stopping.signal.aborted) return;
    const { database, epoch } = supervision;
    if (database === undefined || epoch === undefined) await tryToOwn(supervision, told);
    else await look(supervision, { database, epoch, due });
  }
}

interface Owned {
  readonly database: Database;
  readonly epoch: string;
  readonly due: Due;
}

async function look(supervision: Supervision, { database, epoch, due }: Owned): Promise<void> {
  const { clock, heartbeatMs, onTime } = supervision.parts;
  try {
    const nowMs = clock.monotonicMs();
    if (nowMs >= due.beatAt) {
      if (!(await within(beat(database, epoch), patienceMs))) return noteFenced(supervision);
      due.beatAt = nowMs + heartbeatMs;
    } else if (onTime(await ping(supervision, database))) due.beatAt = nowMs;
    if (nowMs >= due.tidyAt) void startTidying(supervision, database, due);
    noteUp(supervision, true);
  } catch (error) {
    noteUp(supervision, false, messageOf(error));
  }
}

/** The smallest question that the database can be asked: what time it is. */
async function ping({ parts }: Supervision, database: Database): Promise<TimeAnswer> {
  const connecting = database.connect();
  const connection = await within(connecting, patienceMs).catch((error: unknown) => {
    // Should it come after all, nobody waits for it, and it must not be kept from others.
    connecting.then(
      (unwanted) => unwanted.discard(),
      () => {},
    );
    throw error;
  });
  try {
    return await within(
      askTime(connection, () => parts.clock.now().getTime()),
      patienceMs,
    );
  } catch (error) {
    // Its answer may never come, and nobody else should wait for it.
    connection.discard();
    throw error;
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

/** Nobody waits for it, one runs at a time, and its failure says nothing about the database. */
async function startTidying({ parts }: Supervision, database: Database, due: Due): Promise<void> {
  due.tidyAt = Number.POSITIVE_INFINITY;
  try {
    await tidy(database);
  } catch (error) {
    parts.log.warn({ reason: messageOf(error) }, "could not tidy up");
  }
  due.tidyAt = parts.clock.monotonicMs() + tidyMs;
}

/** Deletes what has run out, some at a time. */
async function tidy(database: Database): Promise<void> {
  for (let round = 0; round < mostTidyRounds; round += 1) {
    const [row] = await database.query<{ full: boolean }>(loadStatement("server/tidy"));
    if (!row?.full) return;
  }
}
