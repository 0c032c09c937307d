import type { Hono } from "hono";
import { z } from "zod";
import type { ServerContext } from "./context.js";
import type { HttpParts } from "./http.js";
import { check, endpoint, type HttpContext, type HttpEnv, respond } from "./http-answer.js";
import { linkCode, uuid } from "./http-fields.js";
import { callerOf, limited, requireSession } from "./http-guards.js";
import { createInviteCode, redeemInviteCode } from "./invite-codes.js";
import { markNotificationRead, readNotifications } from "./notifications.js";
import { isProblem } from "./problem.js";
import { createReferral, findReferral, useReferral } from "./referrals.js";

const referralSchema = z.object({ targetUserId: uuid.optional() });
const inviteCodeSchema = z.object({
  maxUses: z.int().min(1).max(1000).default(1),
  expiresInMs: z
    .int()
    .min(1000)
    .max(366 * 24 * 3_600_000)
    .optional(),
});

/** Referral links and what they cause, and invite codes. */
export function addLinkRoutes(app: Hono<HttpEnv>, context: ServerContext, { access }: HttpParts): void {
  const session = requireSession(access);
  const links = limited(context, "referrals");
  const codes = limited(context, "inviteCodes");
  const notes = limited(context, "notifications");

  app.post(
    "/api/referrals",
    session,
    links,
    endpoint(referralSchema, ({ targetUserId }, c) => createReferral(access, callerOf(c), targetUserId), 201),
  );
  app.get("/api/referrals/:code", session, limited(context, "account"), (c) =>
    withCode(c, (code) => findReferral(context, code)),
  );
  app.post("/api/referrals/:code/use", session, links, (c) =>
    withCode(c, (code) => useReferral(access, callerOf(c), code)),
  );
  app.get("/api/notifications", session, notes, async (c) =>
    respond(c, await readNotifications(context, callerOf(c).userId)),
  );
  app.post("/api/notifications/:id/read", session, notes, async (c) => {
    const id = check(uuid, c.req.param("id"));
    return respond(c, isProblem(id) ? id : await markNotificationRead(context, callerOf(c).userId, id.value));
  });
  app.post(
    "/api/invite-codes",
    session,
    codes,
    endpoint(inviteCodeSchema, (wish, c) => createInviteCode(access, callerOf(c).userId, wish), 201),
  );
  app.post("/api/invite-codes/:code/redeem", session, codes, (c) =>
    withCode(c, (code) => redeemInviteCode(access, code)),
  );
}

async function withCode(c: HttpContext, run: (code: string) => Promise<object>): Promise<Response> {
  const code = check(linkCode, c.req.param("code"));
  return respond(c, isProblem(code) ? code : await run(code.value));
}
