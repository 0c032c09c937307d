import type { MiddlewareHandler } from "hono";
import type { Access } from "./access.js";
import type { ServerContext } from "./context.js";
import { isAllowedOrigin } from "./http-address.js";
import { type HttpContext, type HttpEnv, respond } from "./http-answer.js";
import { takeLimit } from "./limits.js";
import type { Identity } from "./model.js";
import { isProblem, problem } from "./problem.js";
import { authenticateRecent } from "./sessions.js";
import type { LimitName } from "./settings.js";

type Guard = MiddlewareHandler<HttpEnv>;

/** Scripts, styles and connections only to this server, nothing inline, no frames. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Headers that keep a browser from doing with an answer what it was not meant for. */
export const secureHeaders: Guard = async (c, next) => {
  await next();
  c.header("Content-Security-Policy", contentPolicy);
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Referrer-Policy", "no-referrer");
  c.header("Cross-Origin-Opener-Policy", "same-origin");
  c.header("X-Frame-Options", "DENY");
  if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
};

/** Refuses pages of other origins, and tells browsers which are allowed. Nothing here relies on cookies. */
export function allowOrigins(allowed: readonly string[]): Guard {
  return async (c, next) => {
    const origin = c.req.header("Origin");
    if (!isAllowedOrigin(origin, c.req.header("Host"), allowed)) {
      return respond(c, problem("forbidden", "pages of this origin may not use this server"));
    }
    c.header("Vary", "Origin");
    if (origin !== undefined) c.header("Access-Control-Allow-Origin", origin);
    if (c.req.method !== "OPTIONS") return next();
    c.header("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
    c.header("Access-Control-Allow-Headers", "Authorization, Content-Type");
    c.header("Access-Control-Max-Age", "600");
    return c.body(null, 204);
  };
}

/** Lets only requests with a session through, and says whose it is. */
export function requireSession(access: Access): Guard {
  return async (c, next) => {
    const token = /^Bearer ([A-Za-z0-9_-]+)$/i.exec(c.req.header("Authorization") ?? "")?.[1] ?? "";
    const found = await authenticateRecent(access, token, c.get("ip"));
    if (isProblem(found)) return respond(c, found);
    c.set("identity", found);
    c.set("token", token);
    return next();
  };
}

/** Counts each request against the caller's limit of that name, and against that of the address. */
export function limited(context: ServerContext, name: LimitName): Guard {
  return async (c, next) => {
    const ip = c.get("ip") || undefined;
    const userId = c.get("identity")?.userId;
    const taken = takeLimit(context, name, { ...(ip && { ip }), ...(userId && { userId }) });
    return taken.ok ? next() : respond(c, overLimit(taken.retryAfterMs));
  };
}

export function overLimit(retryAfterMs: number) {
  return problem("limited", "too many of these; wait a moment", { retryAfterMs });
}

/** Whose session a request carries. Throws on a route that does not require one. */
export function callerOf(c: HttpContext): Identity {
  const identity = c.get("identity");
  if (identity === undefined) throw new Error("a route reads the caller without requiring a session");
  return identity;
}
