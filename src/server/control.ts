import { createHash } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import { Hono } from "hono";
import { z } from "zod";
import { messageOf } from "../core/errors.js";
import type { Container, ContainerRow } from "../store/container.js";
import type { Access } from "./access.js";
import { addBan, type Kick } from "./bans.js";
import type { ServerContext } from "./context.js";
import { check, endpoint, respond } from "./http-answer.js";
import { takeBody } from "./http-body.js";
import { bigId, inet, prose, uuid } from "./http-fields.js";
import { isProblem, problem } from "./problem.js";
import { type PublishedContainer, publishedContainers } from "./published.js";

export interface ControlParts {
  readonly access: Access;
  readonly kick: Kick;
  /** Of the process; null where nobody told. */
  readonly pid?: number;
}

const pageSchema = z.object({
  after: z.string().max(1000).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});

const banSchema = z
  .object({
    userId: uuid.optional(),
    ip: inet.optional(),
    reason: prose(500),
    durationMs: z
      .int()
      .min(1000)
      .max(100 * 366 * 24 * 3_600_000)
      .optional(),
    reportId: bigId.optional(),
  })
  .refine(({ userId, ip }) => userId !== undefined || ip !== undefined, "names neither userId nor ip");

/**
 * What an operator on this machine may ask: what memory holds, and bans. It shows who talks to whom, so it belongs on a
 * socket that only the server's own user can open; nothing in it lets anybody sign in.
 */
export function createControl(context: ServerContext, { access, kick, pid }: ControlParts): Hono {
  const { store } = context.state;
  const startedAt = access.now();
  const app = new Hono();
  app.onError((error, c) => {
    context.log.error({ path: c.req.path, reason: messageOf(error) }, "a control request failed");
    return respond(c, problem("internal", "something went wrong here; it has been noted"));
  });
  app.notFound((c) => respond(c, problem("not_found", "there is nothing here")));
  app.use(takeBody(context.settings.maxMessageBytes));
  app.get("/state", async (c) => {
    const containers = [];
    for (const container of store.containers()) containers.push(await describe(context, container));
    return c.json({ server: { ...describeServer(context), pid: pid ?? null, startedAt }, containers });
  });
  app.get("/state/:container", (c) => {
    const container = store.containers().find(({ name }) => name === c.req.param("container"));
    if (container === undefined) return respond(c, problem("not_found", "there is no such container"));
    const query = check(pageSchema, c.req.query());
    return respond(c, isProblem(query) ? query : readPage(container, query.value));
  });
  app.post(
    "/bans",
    endpoint(banSchema, (ban) => addBan(access, kick, ban), 201),
  );
  return app;
}

function describeServer({ settings, link, state }: ServerContext): object {
  return {
    instance: settings.instance,
    epoch: link.epoch() ?? null,
    database: link.status,
    skewMs: state.rows.skewMs,
    // A moment's row keeps what it was written with, while the clocks may have been compared anew since.
    ...(state.rows.correctedMs === 0
      ? {}
      : { timeToleranceMs: Math.min(60_000, 1 + Math.ceil(state.rows.correctedMs)) }),
  };
}

async function describe({ state, link }: ServerContext, container: Container): Promise<object> {
  const stats = state.store.stats().maps.find(({ name }) => name === container.name);
  const { rows, columns: _columns, ...published } = publishedOf(container) ?? {};
  const epoch = link.epoch();
  return {
    name: container.name,
    persistence: container.persistence,
    table: container.table ?? null,
    ...published,
    rows: rows !== undefined && epoch !== undefined ? rows(epoch) : null,
    size: container.size,
    dirty: stats?.dirty ?? 0,
    pending: stats === undefined ? 0 : stats.dirty + stats.inflight + stats.tombstones,
    oldestPendingMs: stats === undefined ? 0 : Math.round(stats.oldestDirtyMs),
    highestVersion: stats?.highestVersion ?? 0,
    flushedVersion: stats?.flushedVersion ?? 0,
    digest: await digestOf(container),
  };
}

interface PageQuery {
  readonly after?: string | undefined;
  readonly limit: number;
}

function readPage(container: Container, { after, limit }: PageQuery): object {
  const entries = container.page(after, limit);
  const published = publishedOf(container);
  return {
    entries: entries.map(({ key, version, pending, row }) => ({
      key,
      version,
      pending,
      row: row && published ? chosenColumns(row, published) : null,
    })),
    next: entries.length < limit ? null : (entries.at(-1)?.key ?? null),
  };
}

/** Of all keys in their order, each with its row: two servers with the same digest hold the same. */
async function digestOf(container: Container): Promise<string> {
  const hash = createHash("sha256");
  const published = publishedOf(container);
  const digestPage = 2000;
  let page: readonly ContainerRow[] = [];
  do {
    page = container.page(page.at(-1)?.key, digestPage);
    for (const { key, row } of page) {
      hash.update(JSON.stringify([key, row && published ? chosenColumns(row, published) : null]));
    }
    // Calls go on while a large memory is read.
    await breathe();
  } while (page.length === digestPage);
  return hash.digest("hex");
}

function publishedOf({ name }: Container): PublishedContainer | undefined {
  return publishedContainers[name];
}

function chosenColumns(row: object, { key, columns }: PublishedContainer): object {
  const wanted = new Set([...key, ...columns]);
  return Object.fromEntries(Object.entries(row).filter(([column]) => wanted.has(column)));
}
