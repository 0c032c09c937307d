const ringSize = 256;

/** What a lane has done so far. */
export class Progress {
  batches = 0;
  rows = 0;
  /** Wall clock, epoch milliseconds; null before the first. */
  lastSuccessAt: number | null = null;
  readonly #durations: number[] = [];

  note(batch: { readonly rows: number; readonly durationMs: number; readonly at: number }): void {
    this.#durations[this.batches % ringSize] = batch.durationMs;
    this.batches += 1;
    this.rows += batch.rows;
    this.lastSuccessAt = batch.at;
  }

  summary(): ProgressSummary {
    const sorted = this.#durations.toSorted((a, b) => a - b);
    const percentile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
    const { batches, rows, lastSuccessAt } = this;
    return { batches, rows, lastSuccessAt, batchMsP50: percentile(0.5), batchMsP99: percentile(0.99) };
  }
}

export interface ProgressSummary {
  readonly batches: number;
  readonly rows: number;
  /** Wall clock, epoch milliseconds; null before the first batch. */
  readonly lastSuccessAt: number | null;
  /** Of the last 256 batches, from sending to commit. */
  readonly batchMsP50: number;
  readonly batchMsP99: number;
}
