import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Worker } from "./worker.js";

export interface BuildWatch {
  readonly database: Database;
  readonly worker: Worker;
  readonly onWait?: (message: string) => void;
}

const intervalMs = 2000;

/** Runs `work` in the worker's session, and meanwhile tells how far an index build there is and whom it waits for. */
export async function watchBuild(watch: BuildWatch, work: () => Promise<void>): Promise<void> {
  const end = new AbortController();
  const watching = watch.onWait === undefined ? Promise.resolve() : tellProgress(watch, end.signal);
  try {
    await work();
  } finally {
    end.abort();
    await watching;
  }
}

interface BuildState {
  readonly phase: string;
  readonly percent: number | null;
  readonly waitsFor: string | null;
}

async function tellProgress({ database, worker, onWait }: BuildWatch, ended: AbortSignal): Promise<void> {
  const processId: unknown = Reflect.get(worker.connection.client, "processID");
  for (;;) {
    try {
      await sleep(intervalMs, undefined, { signal: ended });
      const [state] = await database.query<BuildState>(loadStatement("migrate/index-build"), [processId]);
      if (state) onWait?.(describe(state));
    } catch {
      // The build has ended, or nobody can be asked how it goes: it goes on all the same.
      return;
    }
  }
}

function describe({ phase, percent, waitsFor }: BuildState): string {
  const done = percent === null ? "" : `, ${percent} %`;
  return `${phase}${done}${waitsFor === null ? "" : `; waits for ${waitsFor}`}`;
}
