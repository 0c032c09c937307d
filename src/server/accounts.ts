import { isIP } from "node:net";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { addressBan, bannedProblem } from "./bans-memory.js";
import { withDatabase } from "./durable.js";
import type { Identity } from "./model.js";
import { isProblem, type Problem } from "./problem.js";
import { hashToken, rememberSession } from "./sessions.js";

/** Where a request comes from, as the session remembers it. */
export interface Origin {
  readonly ip: string;
  readonly userAgent: string;
}

export interface NewGuest {
  readonly name: string;
  readonly gender?: string | undefined;
}

/** A session that was just made. The token is told this once and kept nowhere. */
export interface SignedIn {
  readonly userId: string;
  readonly token: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** Makes a guest account and signs it in, committed. `banned` for a blocked address, `unavailable` without the database. */
export async function createGuest(
  access: Access,
  guest: NewGuest,
  origin: Origin,
): Promise<SignedIn | Problem<"banned" | "unavailable">> {
  const { context, secrets } = access;
  const blocked = await blockOf(access, origin.ip);
  if (blocked !== undefined) return blocked;
  const token = secrets.token();
  if (context.link.status === "none") {
    return signIn(access, { userId: context.newId(), name: guest.name, accountType: "guest" }, { token, origin });
  }
  const userId = context.newId();
  const created = await withDatabase(context, async (database) => ({
    count: await database.execute(loadStatement("server/accounts-create-guest"), [
      userId,
      guest.name,
      guest.gender ?? "unspecified",
      ...sessionValues(access, token, origin),
    ]),
  }));
  if (isProblem(created)) return created;
  return signIn(access, { userId, name: guest.name, accountType: "guest" }, { token, origin });
}

/** Lets memory know a session that the database has. */
export function signIn(
  access: Access,
  identity: Identity,
  { token, origin }: { readonly token: string; readonly origin: Origin },
): SignedIn {
  const checkedAt = access.now();
  const expiresAt = checkedAt + access.context.settings.sessionMs;
  rememberSession(access, hashToken(token), { identity, ip: origin.ip, expiresAt, checkedAt });
  return { userId: identity.userId, token, expiresAt };
}

/** The last four values of a statement that inserts a session: hash, milliseconds to live, device, address. */
export function sessionValues(access: Access, token: string, { ip, userAgent }: Origin): readonly unknown[] {
  const device = JSON.stringify({ userAgent: userAgent.slice(0, 300) });
  return [hashToken(token), access.context.settings.sessionMs, device, isIP(ip) === 0 ? null : ip];
}

/** The block on an address: as the database says, or as memory last knew. */
async function blockOf(access: Access, ip: string): Promise<Problem<"banned" | "unavailable"> | undefined> {
  const known = addressBan(access, ip);
  if (known !== undefined) return bannedProblem(known);
  if (access.context.link.status === "none" || isIP(ip) === 0) return undefined;
  const found = await withDatabase(access.context, (database) =>
    database.query<{ leftMs: number | null }>(loadStatement("server/bans-find-address"), [ip]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  return row && bannedProblem({ until: row.leftMs === null ? null : access.now() + row.leftMs });
}
