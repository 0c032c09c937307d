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
  /** The last of them: at most `mostMessages`. */
  readonly messages: readonly unknown[];
  /** How many there are. */
  readonly messageCount: number;
}

const pageSize = 20;
/** Of one call. An hour of fast writing is more than a page may hold, and memory is shared with everybody's calls. */
const mostMessages = 200;
/** Messages in one page, as JSON. The call that exceeds it is still in it. */
const mostBytes = 1_000_000;

/** The caller's past calls, newest first, at most 20 and fewer when they are long; `next` is what to ask for to get those before, null at the end. */
export async function readHistory(
  context: ServerContext,
  userId: string,
  before: string | undefined,
): Promise<{ readonly history: readonly PastCall[]; readonly next: string | null } | Problem> {
  const page = [userId, before ?? null, pageSize, mostMessages, mostBytes];
  const found = await withDatabase(context, (database) =>
    database.query<PastCall & { readonly isLast: boolean }>(loadStatement("server/history-page"), page),
  );
  if (isProblem(found)) return found;
  const last = found.at(-1);
  const history = found.map(({ isLast: _isLast, ...call }) => call);
  return { history, next: last === undefined || last.isLast ? null : last.historyId };
}
