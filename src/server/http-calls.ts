import type { Hono } from "hono";
import { z } from "zod";
import type { ServerContext } from "./context.js";
import { readHistory, readPastMessages } from "./history.js";
import type { HttpParts } from "./http.js";
import { check, endpoint, type HttpEnv, respond } from "./http-answer.js";
import { prose, uuid } from "./http-fields.js";
import { callerOf, limited, requireSession } from "./http-guards.js";
import { isProblem } from "./problem.js";
import { createReport } from "./reports.js";

const reportSchema = z.object({ roomId: uuid, reason: prose(2000) });
const messagesSchema = z.object({
  before: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(200),
});

/** What is said about calls beside the calls: the way through NATs, reports and history. */
export function addCallRoutes(app: Hono<HttpEnv>, context: ServerContext, { access, ice }: HttpParts): void {
  const session = requireSession(access);
  app.get("/api/ice-servers", session, limited(context, "account"), (c) =>
    respond(c, ice(callerOf(c).userId, access.now())),
  );
  app.post(
    "/api/reports",
    session,
    limited(context, "reports"),
    endpoint(reportSchema, (report, c) => createReport(access, callerOf(c).userId, report), 201),
  );
  app.get("/api/history", session, limited(context, "history"), async (c) => {
    const before = check(uuid.optional(), c.req.query("before"));
    return respond(c, isProblem(before) ? before : await readHistory(context, callerOf(c).userId, before.value));
  });
  app.get("/api/history/:id/messages", session, limited(context, "history"), async (c) => {
    const id = check(uuid, c.req.param("id"));
    if (isProblem(id)) return respond(c, id);
    const query = check(messagesSchema, c.req.query());
    if (isProblem(query)) return respond(c, query);
    return respond(c, await readPastMessages(context, callerOf(c).userId, { historyId: id.value, ...query.value }));
  });
}
