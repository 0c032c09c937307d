import { RoomctlError } from "../core/errors.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { Access } from "./access.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import type { Identity, ReferralMapping } from "./model.js";
import { addNotification, type Notification } from "./notifications.js";
import { isProblem, type Problem, problem } from "./problem.js";

/**
 * Makes a link that leads to a user, the caller unless told. It works at once, and is acknowledged when its row is
 * written; `durable` is false when that has to wait for the database.
 */
export async function createReferral(
  access: Access,
  creator: Identity,
  targetUserId: string = creator.userId,
): Promise<{ readonly code: string; readonly durable: boolean } | Problem> {
  const { context, secrets } = access;
  const target = targetUserId === creator.userId ? creator : await findUser(context, targetUserId);
  if (isProblem(target)) return target;
  const code = secrets.linkCode();
  context.state.referrals.set(code, {
    referralCode: code,
    targetUserId,
    createdByUserId: creator.userId,
    targetName: target.name,
    createdByName: creator.name,
    createdAt: access.now(),
  });
  const durable = await isWritten(context, code);
  return isProblem(durable) ? durable : { code, ...durable };
}

/** Where a link leads: from memory, or from the rows when another server made it. */
export async function findReferral(context: ServerContext, code: string): Promise<ReferralMapping | Problem> {
  const { state, link } = context;
  const known = state.referrals.get(code);
  if (known !== undefined) return known;
  if (link.status === "none") return noSuchLink();
  const found = await withDatabase(context, (database) =>
    database.query<ReferralMapping>(loadStatement("server/referrals-find"), [code]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  if (row === undefined) return noSuchLink();
  state.referrals.load(code, { ...row, createdAt: state.rows.fromDatabase(row.createdAt) });
  return state.referrals.get(code) ?? noSuchLink();
}

/**
 * The caller came through a link: whom it leads to is told, now when connected, and by a notification that is committed
 * first. Using the same link again within a minute is the same use. `conflict` for a link to oneself.
 */
export async function useReferral(
  access: Access,
  { userId, name }: Identity,
  code: string,
): Promise<{ readonly notificationId: string | null; readonly isNew: boolean; readonly durable: boolean } | Problem> {
  const { context } = access;
  const mapping = await findReferral(context, code);
  if (isProblem(mapping)) return mapping;
  const { targetUserId } = mapping;
  if (targetUserId === userId) return problem("conflict", "this link leads to yourself");
  const message = messageFor(mapping, name);
  if (context.link.status === "none") {
    context.send(targetUserId, "referral:notification", { fromUserId: userId, fromName: name, code, message });
    return { notificationId: null, isNew: true, durable: false };
  }
  const kept = await keepNotification(context, { targetUserId, fromUserId: userId, code, message });
  if (isProblem(kept)) return kept;
  const { notification, isNew } = kept;
  if (isNew) context.send(targetUserId, "referral:notification", notification);
  return { notificationId: notification.notificationId, isNew, durable: true };
}

async function keepNotification(
  context: ServerContext,
  wanted: { targetUserId: string; fromUserId: string; code: string; message: string },
): Promise<{ readonly notification: Notification; readonly isNew: boolean } | Problem> {
  const kept = await withDatabase(context, (database) =>
    withTransaction(
      database,
      {},
      async (transaction) => (await addNotification(transaction, wanted)) ?? problem("not_found", "this user is gone"),
    ),
  );
  return kept;
}

/**
 * Waits for the row of a link, for as long as a durable message would. Then it looks for it: the row of a link whose
 * target is gone is refused or left out, and nobody may be told that it is kept.
 */
async function isWritten(context: ServerContext, code: string): Promise<{ readonly durable: boolean } | Problem> {
  const { referrals } = context.state;
  if (context.link.status !== "up") return { durable: false };
  try {
    await referrals.flushed(referrals.versionOf(code), { waitMs: context.settings.durableWaitMs });
    const rows = await withDatabase(context, (database) =>
      database.query(loadStatement("server/referrals-find"), [code]),
    );
    if (isProblem(rows)) return { durable: false };
    if (rows.length > 0) return { durable: true };
  } catch (error) {
    if (!(error instanceof RoomctlError)) throw error;
    if (error.code !== "E_SQL") return { durable: false };
  }
  referrals.forget(code);
  return problem("not_found", "this user is gone");
}

async function findUser(context: ServerContext, userId: string): Promise<{ readonly name: string } | Problem> {
  const present = context.state.presence.get(userId);
  if (present !== undefined) return present;
  if (context.link.status === "none") return noSuchUser();
  const found = await withDatabase(context, (database) =>
    database.query<{ name: string }>(loadStatement("server/referrals-find-user"), [userId]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  return row ?? noSuchUser();
}

/** The name of who made the link, where that is somebody else than whom it leads to. */
function messageFor({ createdByUserId, createdByName, targetUserId }: ReferralMapping, fromName: string): string {
  const isIntroduction = createdByUserId !== targetUserId;
  return isIntroduction
    ? `${fromName} came through ${createdByName}'s link to you`
    : `${fromName} came through your link`;
}

function noSuchUser(): Problem {
  return problem("not_found", "there is no such user");
}

function noSuchLink(): Problem {
  return problem("not_found", "there is no such link");
}
