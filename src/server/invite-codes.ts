import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

export interface InviteCode {
  readonly code: string;
  readonly kind: "invite" | "qr";
  readonly maxUses: number;
  readonly uses: number;
  /** Epoch milliseconds by the database's clock; null for a code without an end. */
  readonly expiresAt: number | null;
}

export interface InviteCodeWish {
  readonly maxUses: number;
  readonly expiresInMs?: number | undefined;
}

/** Makes a code that lets so many people in. */
export async function createInviteCode(
  access: Access,
  userId: string,
  { maxUses, expiresInMs }: InviteCodeWish,
): Promise<InviteCode | Problem> {
  const found = await withDatabase(access.context, (database) =>
    database.query<InviteCode>(loadStatement("server/invite-codes-create"), [
      access.secrets.linkCode(),
      userId,
      maxUses,
      expiresInMs ?? null,
    ]),
  );
  if (isProblem(found)) return found;
  const [code] = found;
  return code ?? problem("unauthorized", "this account is gone");
}

/** Uses a code once. One statement decides, so it is never used more often than it may be, however many try at once. */
export async function redeemInviteCode(access: Access, code: string): Promise<InviteCode | Problem> {
  return withDatabase(access.context, async (database) => {
    const [redeemed] = await database.query<InviteCode>(loadStatement("server/invite-codes-redeem"), [code]);
    if (redeemed !== undefined) return redeemed;
    const [known] = await database.query<InviteCode>(loadStatement("server/invite-codes-find"), [code]);
    return known === undefined
      ? problem("not_found", "there is no such code")
      : problem("conflict", "this code is used up or has expired");
  });
}
