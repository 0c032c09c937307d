import { sha256 } from "../core/digest.js";
import { messageOf } from "../core/errors.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import type { Access } from "./access.js";
import { type Origin, type SignedIn, sessionValues, signIn } from "./accounts.js";
import { withDatabase } from "./durable.js";
import type { Identity } from "./model.js";
import { isProblem, type Problem, problem } from "./problem.js";

/** Brings a code to a mailbox. Rejects when it cannot. */
export type Mail = (to: string, code: string) => Promise<void>;

const codeMs = 10 * 60_000;

/**
 * Sends a code to an address that a user wants as its own. Whether another account has the address is not said here, only
 * to who can read its mail.
 */
export async function requestEmailCode(
  access: Access,
  mail: Mail,
  request: { readonly userId: string; readonly email: string },
): Promise<{ readonly expiresInMs: number } | Problem> {
  const code = access.secrets.emailCode();
  const kept = await withDatabase(access.context, async (database) => ({
    count: await database.execute(loadStatement("server/email-add-code"), [
      request.userId,
      request.email,
      hashCode(request.userId, code),
      codeMs,
    ]),
  }));
  if (isProblem(kept)) return kept;
  if (kept.count === 0) return problem("unauthorized", "this account is gone");
  return (await isSent(access, mail, { to: request.email, code }))
    ? { expiresInMs: codeMs }
    : problem("unavailable", "the mail could not be sent; try again in a moment", { retryAfterMs: 5000 });
}

/**
 * Takes the code that was mailed last: the account becomes permanent and has the address. Each try counts, right or wrong,
 * however many come at once; after 5 the code is void. `conflict` when another account has the address.
 */
export async function verifyEmail(
  access: Access,
  identity: Identity,
  code: string,
): Promise<{ readonly accountType: "permanent"; readonly email: string } | Problem> {
  const { userId } = identity;
  const found = await withDatabase(access.context, async (database) => {
    try {
      return await database.query<{ isRight: boolean; email: string }>(loadStatement("server/email-verify"), [
        userId,
        hashCode(userId, code),
      ]);
    } catch (error) {
      if (codeOf(error) !== sqlstate.uniqueViolation) throw error;
      return problem("conflict", "another account has this address; sign in to it instead");
    }
  });
  if (isProblem(found)) return found;
  const [row] = found;
  if (!row?.isRight) return wrongCode();
  renewIdentity(access, { ...identity, accountType: "permanent" });
  return { accountType: "permanent", email: row.email };
}

/** Sends a sign-in code to the permanent account with that address. The answer is the same when there is none. */
export async function requestSignIn(
  access: Access,
  mail: Mail,
  email: string,
): Promise<{ readonly expiresInMs: number } | Problem> {
  const code = access.secrets.emailCode();
  const found = await withDatabase(access.context, (database) =>
    database.query<{ email: string }>(loadStatement("server/email-add-sign-in-code"), [email, code, codeMs]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  // Not awaited: how long the mail takes must not tell whether there is an account.
  if (row !== undefined) void isSent(access, mail, { to: row.email, code });
  return { expiresInMs: codeMs };
}

/** Signs in with the code that was mailed last. Each try counts, as in `verifyEmail`. */
export async function verifySignIn(
  access: Access,
  request: { readonly email: string; readonly code: string },
  origin: Origin,
): Promise<SignedIn | Problem> {
  const token = access.secrets.token();
  const found = await withDatabase(access.context, (database) =>
    database.query<{ isRight: boolean; userId: string; name: string }>(loadStatement("server/email-sign-in"), [
      request.email,
      request.code,
      ...sessionValues(access, token, origin),
    ]),
  );
  if (isProblem(found)) return found;
  const [row] = found;
  if (!row?.isRight) return wrongCode();
  return signIn(access, { userId: row.userId, name: row.name, accountType: "permanent" }, { token, origin });
}

/** As the statements compute it: the user's id is the salt. */
function hashCode(userId: string, code: string): string {
  return sha256(`${userId} ${code}`);
}

async function isSent(access: Access, mail: Mail, message: { to: string; code: string }): Promise<boolean> {
  try {
    await mail(message.to, message.code);
    return true;
  } catch (error) {
    access.context.log.warn({ reason: messageOf(error) }, "a mail could not be sent");
    return false;
  }
}

function renewIdentity(access: Access, identity: Identity): void {
  for (const [hash, session] of access.sessions) {
    if (session.identity.userId === identity.userId) access.sessions.set(hash, { ...session, identity });
  }
}

function wrongCode(): Problem {
  return problem("forbidden", "the code is wrong, has expired, or was tried too often; ask for a new one");
}
