import { loadStatement } from "../db/statement.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem } from "./problem.js";

/** A call or chat that is over, from one side. */
export interface PastCall {
  readonly historyId: string;
  readonly roomId: string;
  readonly partner: { readonly userId: string; readonly name: string } | null;
  readonly mode: "video" | "text";
  /** Epoch milliseconds by the database's clock. */
  readonly startedAt: number;
  readonly durationSeconds: number;
  readonly messages: readonly unknown[];
}

const pageSize = 20;

/** The caller's past calls, newest first; `next` is what to ask for to get those before, null at the end. */
export async function readHistory(
  context: ServerContext,
  userId: string,
  before: string | undefined,
): Promise<{ readonly history: readonly PastCall[]; readonly next: string | null } | Problem> {
  const history = await withDatabase(context, (database) =>
    database.query<PastCall>(loadStatement("server/history-page"), [userId, before ?? null, pageSize]),
  );
  if (isProblem(history)) return history;
  return { history, next: history.length < pageSize ? null : (history.at(-1)?.historyId ?? null) };
}
