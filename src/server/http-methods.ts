import type { Hono } from "hono";
import { type HttpEnv, respond } from "./http-answer.js";
import { problem } from "./problem.js";

/** Says 405 and which methods there are where only the method is wrong, and 404 elsewhere. Call it after all routes. */
export function answerTheRest(app: Hono<HttpEnv>): void {
  const routes = app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => ({ method, matches: toPattern(path) }));
  app.notFound((c) => {
    const methods = new Set(routes.filter(({ matches }) => matches.test(c.req.path)).map(({ method }) => method));
    // What the route itself did not find is not a matter of the method.
    if (methods.size === 0 || methods.has(c.req.method === "HEAD" ? "GET" : c.req.method)) {
      return respond(c, problem("not_found", "there is nothing here"));
    }
    if (methods.has("GET")) methods.add("HEAD");
    c.header("Allow", [...methods].sort().join(", "));
    return respond(c, problem("wrong_method", `there is only ${[...methods].sort().join(", ")} here`));
  });
}

/** `/api/referrals/:code` → any one segment for the code; `*` for whatever follows. */
function toPattern(path: string): RegExp {
  const source = path.replace(/[.\\+?^${}()|[\]]/g, "\\$&").replace(/:[^/]+/g, "[^/]+");
  return new RegExp(`^${source.replace(/\*/g, ".*")}$`);
}
