import type { Hono } from "hono";
import { z } from "zod";
import { sha256 } from "../core/digest.js";
import { createGuest, type Origin } from "./accounts.js";
import { readProfile } from "./accounts-profile.js";
import type { ServerContext } from "./context.js";
import { requestEmailCode, requestSignIn, verifyEmail, verifySignIn } from "./email.js";
import type { HttpParts } from "./http.js";
import { endpoint, type HttpContext, type HttpEnv, respond } from "./http-answer.js";
import { email, emailCode, line, linkCode } from "./http-fields.js";
import { callerOf, limited, overLimit, requireSession } from "./http-guards.js";
import { takeLimit } from "./limits.js";
import { saveLocation } from "./location.js";
import { isProblem } from "./problem.js";
import { useReferral } from "./referrals.js";
import { hashToken, signOut } from "./sessions.js";
import { unlockQr } from "./unlock.js";

const guestSchema = z.object({ name: line(100), gender: line(40).optional(), referralCode: linkCode.optional() });
const emailSchema = z.object({ email });
const codeSchema = z.object({ code: emailCode });
const locationSchema = z.object({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  accuracy: z.number().min(0).optional(),
});

/** Guests, e-mail, sessions, and what belongs to the caller alone. */
export function addAccountRoutes(app: Hono<HttpEnv>, context: ServerContext, parts: HttpParts): void {
  addEmailRoutes(app, context, parts);
  addSignInRoutes(app, context, parts);
  const { access, kick } = parts;
  const session = requireSession(access);
  const guest = endpoint(guestSchema, (input, c) => newGuest(parts, input, c), 201);
  app.post("/api/guests", limited(context, "guests"), guest);
  app.delete("/api/session", session, async (c) => {
    const token = c.get("token") ?? "";
    const done = await signOut(access, token);
    if (!isProblem(done)) kick(callerOf(c).userId, "unauthorized", hashToken(token));
    return respond(c, done);
  });
  const own = limited(context, "account");
  app.get("/api/me", session, own, async (c) => respond(c, await readProfile(context, callerOf(c))));
  const location = endpoint(locationSchema, (place, c) => saveLocation(context, callerOf(c).userId, place));
  app.put("/api/location", session, own, location);
  app.post("/api/me/qr", session, own, async (c) => respond(c, await unlockQr(access, callerOf(c).userId)));
}

/** A guest becomes permanent by an address whose mail it can read. */
function addEmailRoutes(app: Hono<HttpEnv>, context: ServerContext, { access, mail }: HttpParts): void {
  const session = requireSession(access);
  const request = endpoint(
    emailSchema,
    ({ email: address }, c) =>
      perMailbox(context, "emailCodes", address) ??
      requestEmailCode(access, mail, { email: address, userId: callerOf(c).userId }),
    202,
  );
  const verify = endpoint(codeSchema, ({ code }, c) => verifyEmail(access, callerOf(c), code));
  app.post("/api/account/email", session, limited(context, "emailCodes"), request);
  app.post("/api/account/email/verify", session, limited(context, "emailAttempts"), verify);
}

/** A permanent account signs in by a code to its mailbox. */
function addSignInRoutes(app: Hono<HttpEnv>, context: ServerContext, { access, mail }: HttpParts): void {
  const request = endpoint(
    emailSchema,
    (input) => perMailbox(context, "emailCodes", input.email) ?? requestSignIn(access, mail, input.email),
    202,
  );
  const verify = endpoint(
    emailSchema.extend(codeSchema.shape),
    (input, c) => perMailbox(context, "emailAttempts", input.email) ?? verifySignIn(access, input, originOf(c)),
    201,
  );
  app.post("/api/sessions", limited(context, "emailCodes"), request);
  app.post("/api/sessions/verify", limited(context, "emailAttempts"), verify);
}

/** A guest who came through a referral link is announced to whom the link leads; a link that is gone keeps nobody out. */
async function newGuest({ access }: HttpParts, guest: z.output<typeof guestSchema>, c: HttpContext): Promise<object> {
  const created = await createGuest(access, guest, originOf(c));
  if (isProblem(created) || guest.referralCode === undefined) return created;
  const { userId } = created;
  const used = await useReferral(access, { userId, name: guest.name, accountType: "guest" }, guest.referralCode);
  return { ...created, referral: isProblem(used) ? { used: false, code: used.code } : { used: true } };
}

/** The limit of one mailbox, whoever asks: nobody can fill it from many addresses. */
function perMailbox(context: ServerContext, name: "emailCodes" | "emailAttempts", address: string) {
  const taken = takeLimit(context, name, { userId: `mailbox ${sha256(address.toLowerCase())}` });
  return taken.ok ? undefined : overLimit(taken.retryAfterMs);
}

function originOf(c: HttpContext): Origin {
  return { ip: c.get("ip"), userAgent: c.req.header("User-Agent") ?? "" };
}
