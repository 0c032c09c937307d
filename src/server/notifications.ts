import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

/** Somebody came through a referral link. */
export interface Notification {
  readonly notificationId: string;
  readonly fromUserId: string | null;
  readonly fromName: string | null;
  readonly code: string;
  readonly message: string;
  /** Epoch milliseconds by the database's clock. */
  readonly at: number;
  readonly readAt: number | null;
}

/** The caller's notifications, newest first, at most 100. */
export async function readNotifications(
  context: ServerContext,
  userId: string,
): Promise<{ readonly notifications: readonly Notification[] } | Problem> {
  const notifications = await withDatabase(context, (database) =>
    database.query<Notification>(loadStatement("server/notifications-list"), [userId]),
  );
  return isProblem(notifications) ? notifications : { notifications };
}

/** Marks one of the caller's notifications as read. The first time counts. */
export async function markNotificationRead(
  context: ServerContext,
  userId: string,
  notificationId: string,
): Promise<{ readonly readAt: number } | Problem> {
  const found = await withDatabase(context, (database) =>
    database.query<{ readAt: number }>(loadStatement("server/notifications-read"), [notificationId, userId]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  return row ?? problem("not_found", "there is no such notification");
}

export interface NewNotification {
  readonly targetUserId: string;
  readonly fromUserId: string;
  readonly code: string;
  readonly message: string;
}

/**
 * Keeps a notification, unless the same user used the same link within the last minute: then it is that one. Runs in the
 * caller's transaction; undefined when one of the two users is gone.
 */
export async function addNotification(
  transaction: Queryable,
  { targetUserId, fromUserId, code, message }: NewNotification,
): Promise<{ readonly notification: Notification; readonly isNew: boolean } | undefined> {
  // The lock of the sender's row: of two requests at once, the second sees what the first has written.
  const lock = loadStatement("server/notifications-lock-sender");
  const [sender] = await transaction.query<{ userId: string }>(lock, [fromUserId]);
  if (sender === undefined) return undefined;
  const recent = loadStatement("server/notifications-recent");
  const [known] = await transaction.query<Notification>(recent, [fromUserId, code]);
  if (known !== undefined) return { notification: known, isNew: false };
  const add = loadStatement("server/notifications-add");
  const [added] = await transaction.query<Notification>(add, [targetUserId, fromUserId, code, message]);
  return added && { notification: added, isNew: true };
}
