import { formatName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { type BlockPool, createBlockPool } from "./block-writer.js";
import { type ChunkJob, planChunks, readStorage } from "./chunks.js";
import type { Compression } from "./codec.js";
import { copyStatement } from "./copy-statement.js";
import type { CopyFormat, ManifestChunk, ManifestTable } from "./manifest.js";
import type { Draft } from "./repository.js";
import { addFingerprints } from "./rows.js";
import type { SelectedTable } from "./selection.js";
import { lockAtOnce, type SnapshotReaders } from "./snapshot.js";
import { writeChunk } from "./write-chunk.js";

export interface DumpOptions {
  readonly draft: Draft;
  readonly compression: Compression;
  /** Rows as text, also where a type has a binary form. */
  readonly format?: CopyFormat;
  readonly chunkBytes?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

interface DumpedTable extends SelectedTable {
  readonly copied: readonly { readonly name: string; readonly type: string }[];
  readonly format: CopyFormat;
  readonly sizeBytes: number;
  readonly pages: number | null;
}

type Job = ChunkJob<DumpedTable>;

interface Dumping extends DumpOptions {
  readonly pool: BlockPool;
}

/** Writes the rows of all tables into files of the draft, several chunks at once, and says what it wrote, in the tables' order. */
export async function dumpTables(
  readers: SnapshotReaders,
  tables: readonly SelectedTable[],
  options: DumpOptions,
): Promise<readonly ManifestTable[]> {
  const dumped = await describeTables(readers.leader, tables, options.format);
  const chunks = new Map<number, ManifestChunk[]>();
  await runJobs(
    readers,
    planChunks(dumped, options.chunkBytes),
    { ...options, pool: createBlockPool() },
    (job, chunk) => {
      chunks.set(job.tableNumber, [...(chunks.get(job.tableNumber) ?? []), chunk]);
    },
  );
  return dumped.map((table, index) => {
    const { schema, name, ancestors, copied, format } = table;
    const written = [...(chunks.get(index + 1) ?? [])].sort((a, b) => (a.file < b.file ? -1 : 1));
    const contents = { ...addFingerprints(written), chunks: written };
    const isPartial = table.chosenRows === undefined ? {} : { isPartial: true as const };
    const { codec } = options.compression;
    return { schema, name, ...isPartial, ancestors, columns: copied, format, codec, ...contents };
  });
}

async function describeTables(
  leader: Connection,
  tables: readonly SelectedTable[],
  format: CopyFormat | undefined,
): Promise<readonly DumpedTable[]> {
  const storage = new Map(
    (
      await readStorage(
        leader,
        tables.map(({ oid }) => oid),
      )
    ).map((one) => [one.oid, one]),
  );
  return tables.map((table) => {
    const { isBinary = false, sizeBytes = 0, pages = null } = storage.get(table.oid) ?? {};
    const copied = table.columns.filter(({ isGenerated }) => !isGenerated).map(({ name, type }) => ({ name, type }));
    return { ...table, copied, format: format ?? (isBinary ? "binary" : "text"), sizeBytes, pages };
  });
}

/** One queue for all readers. What a helper would have to wait for goes to the leader, who never has to. */
async function runJobs(
  { leader, helpers }: SnapshotReaders,
  jobs: readonly Job[],
  options: Dumping,
  onDone: (job: Job, chunk: ManifestChunk) => void,
): Promise<void> {
  const waiting = [...jobs];
  const forLeader: Job[] = [];
  let done = 0;
  let failed = false;
  const run = async (connection: Connection, job: Job) => {
    options.onProgress?.({ message: `backing up ${formatName(job.table)}`, done, total: jobs.length });
    onDone(job, await dumpChunk(connection, job, options));
    done += 1;
  };
  const help = async (connection: Connection) => {
    const locked = new Set<number>();
    for (let job = waiting.shift(); job !== undefined && !failed; job = waiting.shift()) {
      if (!locked.has(job.table.oid) && !(await lockAtOnce(connection, job.table))) forLeader.push(job);
      else {
        locked.add(job.table.oid);
        await run(connection, job);
      }
    }
  };
  const lead = async () => {
    const next = () => forLeader.shift() ?? waiting.shift();
    for (let job = next(); job !== undefined && !failed; job = next()) await run(leader, job);
  };
  const stopAll = (error: unknown) => {
    failed = true;
    throw error;
  };
  const outcomes = await Promise.allSettled([lead(), ...helpers.map(help)].map((work) => work.catch(stopAll)));
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
  // The leader may have ended before a helper left something to it.
  await lead();
}

async function dumpChunk(connection: Connection, job: Job, options: Dumping): Promise<ManifestChunk> {
  const { schema, name, copied: columns, format, chosenRows } = job.table;
  return writeChunk(connection, {
    ...options,
    what: formatName(job.table),
    statement: copyStatement({ schema, name, columns, format, chosenRows }, job.pages),
    format,
    file: `data/${number(job.tableNumber)}.${number(job.chunkNumber)}`,
  });
}

function number(value: number): string {
  return String(value).padStart(4, "0");
}
