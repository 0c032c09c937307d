import { compareRows } from "./compare-rows.js";
import { type Drift, judgeEntry } from "./compare-verdict.js";
import type { ContainerAnswer, EntryAnswer } from "./live-protocol.js";
import { type MemoryPage, readMemory } from "./live-read.js";
import { type ContainerJob, type Suspect, settleSuspects } from "./live-settle.js";
import type { ComparedTable } from "./live-target.js";
import { findUnheld } from "./live-unheld.js";

/** What came of holding one container against its table. */
export interface ContainerComparison {
  /** Entries that were read, and those of them that were held against a row. */
  readonly held: number;
  readonly compared: number;
  /** Changes on their way to the database: no drift. */
  readonly pending: number;
  readonly unsettled: number;
  readonly drift: readonly Drift[];
  /** Names in the server's rows that are no columns of the table. */
  readonly leftOut: readonly string[];
  /** So many rows hold values that their columns do not take that the rest was not read. */
  readonly isCutOff: boolean;
}

/** More than this are no accident of one row, and each costs statements of its own. */
const mostRefusals = 100;

interface Walk {
  readonly keys: ReadonlySet<string>;
  readonly suspects: readonly Suspect[];
  readonly held: number;
  readonly pending: number;
  readonly leftOut: ReadonlySet<string>;
  readonly isCutOff: boolean;
}

/** Memory first, then rows, then the suspicious part of memory again. Throws what stands against reading the table. */
export async function compareContainer(job: ContainerJob): Promise<ContainerComparison> {
  const walk = await walkMemory(job);
  const settled = await settleSuspects(job, walk.suspects);
  const isWhole = job.container.complete && !walk.isCutOff;
  const unheld = isWhole ? await findUnheld(job, walk.keys) : { drift: [], unsettled: 0 };
  return {
    held: walk.held,
    compared: walk.held - walk.pending,
    pending: walk.pending + settled.pending,
    unsettled: settled.unsettled + unheld.unsettled,
    drift: [...settled.drift, ...unheld.drift],
    leftOut: [...walk.leftOut].sort(),
    isCutOff: walk.isCutOff,
  };
}

async function walkMemory(job: ContainerJob): Promise<Walk> {
  const { target } = job.comparer;
  const walk = { keys: new Set<string>(), suspects: [] as Suspect[], held: 0, pending: 0, leftOut: new Set<string>() };
  let refusals = 0;
  for await (const page of readMemory(job.control, job.container)) {
    const matches = await compareRows(job.comparer, page.entries.map(rowOf));
    for (const [index, entry] of page.entries.entries()) {
      const match = matches[index];
      if (match?.key && job.container.complete) walk.keys.add(match.key);
      walk.held += 1;
      if (entry.pending) walk.pending += 1;
      else if (match) walk.suspects.push(...suspect(judgeEntry(entry, match, job.serverEpoch), entry, page));
    }
    noteLeftOut(walk.leftOut, page.entries[0], target);
    refusals += matches.filter(({ refusal }) => refusal !== undefined).length;
    if (refusals > mostRefusals) return { ...walk, isCutOff: true };
  }
  return { ...walk, isCutOff: false };
}

function rowOf({ row }: EntryAnswer): Readonly<Record<string, unknown>> {
  return row ?? {};
}

function suspect(drift: Drift | undefined, entry: EntryAnswer, { after }: MemoryPage): readonly Suspect[] {
  return drift === undefined ? [] : [{ entry, drift, after }];
}

/** The first row of a page speaks for the others. */
function noteLeftOut(names: Set<string>, entry: EntryAnswer | undefined, { columns }: ComparedTable): void {
  for (const name of Object.keys(entry?.row ?? {})) if (!columns.has(name) && names.size < 100) names.add(name);
}

/** Columns that the container says choose its rows, and that the table does not have. */
export function unknownConditions({ rows }: ContainerAnswer, { columns }: ComparedTable): readonly string[] {
  return Object.keys(rows ?? {}).filter((name) => !columns.has(name));
}
