import type { Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { Access } from "./access.js";
import { withDatabase } from "./durable.js";
import { type Problem, problem } from "./problem.js";

export interface UnlockedQr {
  /** An invite code of kind `qr`: the same one each time. */
  readonly code: string;
  /** Epoch milliseconds by the database's clock: the first time. */
  readonly unlockedAt: number;
  readonly maxUses: number;
  readonly uses: number;
}

/** How many people may come in by one user's QR code. */
const qrUses = 4;

/** The caller's QR code, once enough video calls were long enough; else `forbidden`, with how many are missing. */
export async function unlockQr(access: Access, userId: string): Promise<UnlockedQr | Problem> {
  const code = access.secrets.linkCode();
  return withDatabase(access.context, (database) => unlock(database, access, { userId, code }));
}

async function unlock(
  database: Database,
  { context: { settings } }: Access,
  { userId, code }: { readonly userId: string; readonly code: string },
): Promise<UnlockedQr | Problem> {
  return withTransaction(database, {}, async (connection) => {
    const values = [userId, settings.unlockCallMs / 1000];
    // The row's lock comes first, so that two requests at once give one code.
    const [person] = await connection.query<{ userId: string }>(loadStatement("server/unlock-lock"), [userId]);
    if (person === undefined) return problem("unauthorized", "this account is gone");
    const [counted] = await connection.query<{ calls: number }>(loadStatement("server/unlock-count"), values);
    const missing = settings.unlockCalls - (counted?.calls ?? 0);
    const [unlocked] = await connection.query<UnlockedQr>(loadStatement("server/unlock-qr"), [
      userId,
      missing <= 0,
      code,
      qrUses,
    ]);
    return unlocked ?? notYet(missing);
  });
}

function notYet(missing: number): Problem {
  return problem("forbidden", `${missing} more completed video calls unlock the QR code`, {
    details: { missingCalls: missing },
  });
}
