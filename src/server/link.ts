import { messageOf } from "../core/errors.js";
import { within } from "./bounded.js";
import type { DatabaseLink } from "./context.js";
import { tryToOwn } from "./link-own.js";
import { createSupervision, type LinkParts, noteFenced, patienceMs, type Supervision } from "./link-supervision.js";
import { watch } from "./link-watch.js";
import type { RecoveryReport } from "./recovery.js";
import { sayStopped } from "./takeover.js";

export interface SupervisedLink extends DatabaseLink {
  /** One attempt to connect, take over and recover; when it fails, more follow in the background. */
  start(): Promise<void>;
  /** What the recovery found, once it is done. */
  recovery(): RecoveryReport | undefined;
  /** Says goodbye to the database and closes it. */
  stop(): Promise<void>;
}

/**
 * Keeps the server and its database together: takes over and recovers, now or when the database is back, leaves
 * heartbeats, notices when the database goes and comes, and when another server took over.
 */
export function createLink(parts: LinkParts): SupervisedLink {
  const { log, open } = parts;
  const supervision = createSupervision(parts);
  let watching = Promise.resolve();
  return {
    get status() {
      if (open === undefined) return "none";
      return supervision.isUp ? "up" : "down";
    },
    database: () => (supervision.isUp ? supervision.database : undefined),
    epoch: () => supervision.epoch,
    recovery: () => supervision.report,
    async start() {
      if (open === undefined) {
        log.warn("no database is configured: everything is in memory only, and gone after a restart");
        return;
      }
      await tryToOwn(supervision, { last: "" });
      watching = watch(supervision).catch((error: unknown) => {
        // Another server owns the data while this one was about to go on.
        log.error({ reason: messageOf(error) }, "the watch over the database ended");
        noteFenced(supervision);
      });
    },
    async stop() {
      supervision.stopping.abort();
      // An attempt to connect may take longer than anybody waits for a stop.
      await within(watching, patienceMs).catch(() => {});
      await sayGoodbye(supervision);
      await close(supervision);
    },
  };
}

async function sayGoodbye({ parts, database, epoch, isUp }: Supervision): Promise<void> {
  if (database === undefined || epoch === undefined || !isUp) return;
  try {
    await within(sayStopped(database, epoch), patienceMs);
  } catch (error) {
    parts.log.warn({ reason: messageOf(error) }, "the database was not told that this server stopped");
  }
}

async function close(supervision: Supervision): Promise<void> {
  supervision.isUp = false;
  const closing = [supervision.database, supervision.writing].map((one) => one?.[Symbol.asyncDispose]());
  await within(Promise.all(closing), patienceMs).catch(() => {
    // A connection that does not close in time ends with the process.
  });
}
