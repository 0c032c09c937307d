import { setTimeout as sleep } from "node:timers/promises";
import type { History } from "./drill-history.js";
import { type Account, useLimit } from "./drill-http.js";
import type { DrillUser } from "./drill-user.js";

/** Who sees, while others are at work, whether what was planted before the start is kept to. */
export interface Witnesses {
  /** Sit in silent text rooms and say nothing. */
  readonly watchers: readonly DrillUser[];
  /** Has a limit that is almost used up. */
  readonly limited: Account | undefined;
}

export interface Watch {
  readonly history: History;
  readonly port: number;
  readonly stop: AbortSignal;
}

/** Enough to use it up, and one more. */
const uses = 3;
const everyMs = 50;

/** Uses the limit up, and lets the watchers ask now and then: an answer shows that what was due before has been told. */
export async function bearWitness(watch: Watch, { watchers, limited }: Witnesses): Promise<void> {
  await Promise.all([...watchers.map((user) => sit(user, watch.stop)), limited && useUp(watch, limited)]);
}

async function sit(user: DrillUser, stop: AbortSignal): Promise<void> {
  while (!stop.aborted && user.isConnected()) {
    await user.ask("presence", { userIds: [] });
    await sleep(everyMs, undefined, { signal: stop }).catch(() => {
      // The end of the work ends the pause.
    });
  }
}

async function useUp({ history, port }: Watch, account: Account): Promise<void> {
  for (let use = 0; use < uses; use += 1) await useLimit(history, port, { account });
}
