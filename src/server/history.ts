import { loadStatement } from "../db/statement.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

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
  /** How many were said. */
  readonly messageCount: number;
  /** What to ask `readPastMessages` for to get those before; null when these are all. */
  readonly nextMessages: number | null;
}

/** A part of what was said in a past call. */
export interface PastMessages {
  /** Oldest first. */
  readonly messages: readonly unknown[];
  /** What to ask for to get those before; null at the end. */
  readonly next: number | null;
}

export interface PastMessagesWish {
  readonly historyId: string;
  /** A message's number in its call: those before it. The last ones unless told. */
  readonly before?: number | undefined;
  readonly limit: number;
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

/**
 * Messages of one past call of the caller's, page by page from the newest back, fewer than asked for when they are long.
 * Those that the history of a very long chat left out are among them while their rows are there. Refuses with `not_found`
 * what is another's.
 */
export async function readPastMessages(
  context: ServerContext,
  userId: string,
  { historyId, before, limit }: PastMessagesWish,
): Promise<PastMessages | Problem> {
  const page = [historyId, userId, before ?? null, limit, mostBytes];
  const found = await withDatabase(context, (database) =>
    database.query<PastMessages>(loadStatement("server/history-messages"), page),
  );
  if (isProblem(found)) return found;
  const [messages] = found;
  return messages ?? problem("not_found", "you had no such call");
}
