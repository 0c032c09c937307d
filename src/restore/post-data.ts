import type { Crew } from "./crew.js";
import type { Ledger, Step } from "./ledger.js";
import type { PostDataItem, PostDataPlan } from "./post-data-plan.js";
import { runStatements } from "./run-script.js";
import { runBatch } from "./schedule.js";

export interface PostDataOptions {
  /** For messages: `schema/post-data.sql`. */
  readonly file: string;
  readonly searchPath?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

/** Makes indexes, constraints, triggers and what else comes after the rows; each once, by the ledger. */
export async function runPostData(
  crew: Crew,
  ledger: Ledger,
  { batches }: PostDataPlan,
  options: PostDataOptions,
): Promise<void> {
  const total = batches.reduce((sum, items) => sum + items.length, 0);
  let done = 0;
  for (const items of batches) {
    const waiting = items.filter((item) => !ledger.has(stepOf(item)));
    done += items.length - waiting.length;
    await runBatch(waiting, crew.size, async (item) => {
      options.onProgress?.({ message: `building: ${firstLine(item)}`, done, total });
      await crew.use((connection) =>
        ledger.run(connection, stepOf(item), () => runStatements(connection, item.statements, options)),
      );
      done += 1;
    });
  }
}

function stepOf({ number }: PostDataItem): Step {
  return { name: `post-data ${number}` };
}

function firstLine({ statements }: PostDataItem): string {
  return (statements[0]?.sql ?? "").split("\n", 1)[0]?.slice(0, 60) ?? "";
}
