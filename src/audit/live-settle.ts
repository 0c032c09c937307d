import { setTimeout as sleep } from "node:timers/promises";
import { type Comparer, compareRows } from "./compare-rows.js";
import { type Drift, judgeEntry } from "./compare-verdict.js";
import type { ControlEndpoint } from "./live-client.js";
import type { ContainerAnswer, EntryAnswer } from "./live-protocol.js";
import { readAgain } from "./live-read.js";

/** What it takes to hold one container against its table. */
export interface ContainerJob {
  readonly control: ControlEndpoint;
  readonly comparer: Comparer;
  readonly container: ContainerAnswer;
  readonly serverEpoch: string | undefined;
  /** Between two looks at what has not settled. */
  readonly pauseMs: number;
  readonly signal?: AbortSignal;
}

/** An entry that did not agree with its row, as memory had it before the row was read. */
export interface Suspect {
  readonly entry: EntryAnswer;
  readonly drift: Drift;
  /** The key behind which its page began. */
  readonly after: string | undefined;
}

export interface Settled {
  readonly drift: readonly Drift[];
  /** Changed meanwhile and now on their way to the database. */
  readonly pending: number;
  /** Changed at each look, so that nothing could be said. */
  readonly unsettled: number;
}

const looks = 5;

/**
 * Looks again at what did not agree. A difference counts only where memory said the same before and after the row was
 * read, and that it was written: then the row had to be so. What changed in between is compared anew, a few times.
 */
export async function settleSuspects(job: ContainerJob, suspects: readonly Suspect[]): Promise<Settled> {
  const drift: Drift[] = [];
  let open = suspects;
  let pending = 0;
  for (let look = 1; look <= looks && open.length > 0; look += 1) {
    if (look > 1) await sleep(job.pauseMs, undefined, { signal: job.signal });
    const keys = new Map(open.map(({ entry, after }) => [entry.key, after]));
    const now = await readAgain(job.control, job.container.name, keys);
    const changed: Suspect[] = [];
    for (const suspect of open) {
      const entry = now.get(suspect.entry.key);
      // Gone from memory: that its row goes too is asked of the rows, where the server says that it holds all.
      if (entry === undefined) continue;
      if (entry.pending) pending += 1;
      else if (isSame(entry, suspect.entry)) drift.push(suspect.drift);
      else changed.push({ ...suspect, entry });
    }
    open = await compareAgain(job, changed);
  }
  return { drift, pending, unsettled: open.length };
}

async function compareAgain(job: ContainerJob, suspects: readonly Suspect[]): Promise<readonly Suspect[]> {
  if (suspects.length === 0) return [];
  const matches = await compareRows(
    job.comparer,
    suspects.map(({ entry }) => entry.row ?? {}),
  );
  return suspects.flatMap((suspect, index) => {
    const match = matches[index];
    const drift = match && judgeEntry(suspect.entry, match, job.serverEpoch);
    return drift ? [{ ...suspect, drift }] : [];
  });
}

function isSame(a: EntryAnswer, b: EntryAnswer): boolean {
  return a.version === b.version && JSON.stringify(a.row) === JSON.stringify(b.row);
}
