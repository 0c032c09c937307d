import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { messageOf } from "../core/errors.js";
import type { Access } from "./access.js";
import type { Kick } from "./bans.js";
import type { ServerContext } from "./context.js";
import type { Mail } from "./email.js";
import { type HealthParts, readHealth } from "./health.js";
import { addAccountRoutes } from "./http-accounts.js";
import { clientAddress } from "./http-address.js";
import { type HttpContext, type HttpEnv, respond } from "./http-answer.js";
import { takeBody } from "./http-body.js";
import { addCallRoutes } from "./http-calls.js";
import { allowOrigins, secureHeaders } from "./http-guards.js";
import { addLinkRoutes } from "./http-links.js";
import { answerTheRest } from "./http-methods.js";
import { readStaticFiles, serveStatic } from "./http-static.js";
import type { Ice } from "./ice.js";
import type { Metrics } from "./metrics.js";
import { problem } from "./problem.js";
import type { ServerSettings } from "./settings.js";

export interface HttpParts {
  readonly access: Access;
  /** Brings e-mail codes to their mailbox. */
  readonly mail: Mail;
  readonly ice: Ice;
  /** With `banned`, the room that the user is in ends too. */
  readonly kick: Kick;
  readonly health: HealthParts;
  readonly metrics: Metrics;
  /** Folder of the page: its `index.html` is `/`, its files are below `/client/`. */
  readonly clientDirectory: string;
}

/**
 * For `http.createServer`: whoever sends slowly, on purpose or not, holds a connection only so long. Headers and bodies
 * are small here.
 */
export const httpTimeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  // A proxy in front keeps its connections for a minute, and must be the one that closes them.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
};

/** TCP connections, with and without a request on them: more than the sockets that may be, and not without end. */
export function mostHttpConnections({ maxConnections }: Pick<ServerSettings, "maxConnections">): number {
  return 2 * maxConnections + 1000;
}

/** What answers every HTTP request but Socket.IO's own: hand it to `http.createServer`. It never throws. */
export function createHttp(
  context: ServerContext,
  parts: HttpParts,
): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener(createApp(context, parts).fetch, { overrideGlobalObjects: false });
  return (request, response) => void listener(request, response);
}

function createApp(context: ServerContext, parts: HttpParts): Hono<HttpEnv> {
  const { settings, log } = context;
  const app = new Hono<HttpEnv>();
  app.onError((error, c) => {
    log.error({ method: c.req.method, path: c.req.routePath, reason: messageOf(error) }, "a request failed");
    return respond(c, problem("internal", "something went wrong here; it has been noted"));
  });
  app.use(secureHeaders);
  app.use(async (c, next) => {
    const { socket, headers } = c.env.incoming;
    c.set("ip", clientAddress(socket.remoteAddress, headers["x-forwarded-for"], settings.trustedProxies));
    await next();
  });
  app.use(takeBody(settings.maxMessageBytes));
  app.use("/api/*", allowOrigins(settings.origins));
  addAccountRoutes(app, context, parts);
  addLinkRoutes(app, context, parts);
  addCallRoutes(app, context, parts);
  addOwnRoutes(app, context, parts);
  addPage(app, parts.clientDirectory);
  answerTheRest(app);
  return app;
}

function addOwnRoutes(app: Hono<HttpEnv>, context: ServerContext, { health, metrics }: HttpParts): void {
  app.get("/livez", (c) => c.json({ live: true }));
  app.get("/readyz", (c) => {
    const phase = health.phase();
    return c.json({ ready: phase === "ready", phase }, phase === "ready" ? 200 : 503);
  });
  app.get("/health", (c) => {
    const found = readHealth(context, health);
    return c.json(found, found.status === "down" ? 503 : 200);
  });
  app.get("/metrics", async (c) => c.body(await metrics.text(), 200, { "Content-Type": metrics.contentType }));
}

function addPage(app: Hono<HttpEnv>, directory: string): void {
  const files = readStaticFiles(directory);
  const serve = (c: HttpContext, path: string) =>
    serveStatic(c, files, path) ?? respond(c, problem("not_found", "there is nothing here"));
  app.get("/", (c) => serve(c, "index.html"));
  app.get("/client/*", (c) => serve(c, c.req.path.slice("/client/".length)));
}
