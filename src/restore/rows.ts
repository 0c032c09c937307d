import type { Manifest, ManifestChunk, ManifestTable } from "../backup/manifest.js";
import type { StoredBackup } from "../backup/repository.js";
import { formatName, isSameName, type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Crew } from "./crew.js";
import { pageJobs } from "./large-objects.js";
import type { Ledger, Step } from "./ledger.js";
import { fillWithoutColumns, loadChunk } from "./load.js";

/** Some rows to load in one transaction. */
export interface LoadJob {
  readonly step: Step;
  /** For people. */
  readonly subject: string;
  readonly sizeBytes: number;
  load(connection: Connection): Promise<void>;
}

export interface LoadRowsOptions {
  readonly stored: StoredBackup;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

/**
 * Loads every chunk that the ledger does not have, the largest first, so that no long one is left for the end. There are
 * no constraints, triggers or indexes yet that would ask for an order.
 */
export async function loadRows(
  crew: Crew,
  ledger: Ledger,
  manifest: Manifest,
  options: LoadRowsOptions,
): Promise<void> {
  const unlogged = await crew.use((connection) => connection.query<QualifiedName>(loadStatement("restore/unlogged")));
  const isUnlogged = (table: QualifiedName) => unlogged.some((name) => isSameName(name, table));
  const jobs = [
    ...manifest.tables.flatMap((table) => tableJobs(table, isUnlogged(table), options)),
    ...(manifest.largeObjects ? pageJobs(manifest.largeObjects, options) : []),
  ].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const waiting = jobs.filter(({ step }) => !ledger.has(step));
  let done = jobs.length - waiting.length;
  await crew.each(waiting, async (connection, job) => {
    options.onProgress?.({ message: `loading ${job.subject}`, done, total: jobs.length });
    await ledger.run(connection, job.step, () => job.load(connection));
    done += 1;
  });
}

function tableJobs(table: ManifestTable, isUnlogged: boolean, options: LoadRowsOptions): readonly LoadJob[] {
  if (table.rows === 0) return [];
  const subject = formatName(table);
  if (table.columns.length === 0) {
    const step = { name: `rows ${quoteName(table)}`, isUnlogged };
    return [{ step, subject, sizeBytes: 0, load: (connection) => fillWithoutColumns(connection, table) }];
  }
  return table.chunks.map((chunk: ManifestChunk) => ({
    step: { name: chunk.file, isUnlogged },
    subject,
    sizeBytes: chunk.sizeBytes,
    load: (connection) => loadChunk(connection, table, chunk, options),
  }));
}
