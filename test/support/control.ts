import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FakeEntry {
  readonly key: string;
  readonly version?: number | string | null;
  readonly pending?: boolean;
  readonly row?: Readonly<Record<string, unknown>> | null;
}

/** A container of the made-up server. Tests change `entries` while it runs. */
export interface FakeContainer {
  readonly name: string;
  readonly entries: Map<string, FakeEntry>;
  readonly [field: string]: unknown;
}

export interface FakeControl extends AsyncDisposable {
  /** For --live. */
  readonly address: string;
  readonly socketPath: string;
  readonly containers: FakeContainer[];
  /** Facts about the server, as it would tell them. */
  server: Record<string, unknown>;
  /** Paths that were asked for, with their queries. */
  readonly asked: string[];
  /** Called before each answer; what it does to memory or database is seen by whoever asked. */
  onAsk: (path: string) => Promise<void> | void;
  /** Answers in the server's place; true when it did. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface FakeControlOptions {
  readonly containers?: readonly FakeContainer[];
  readonly server?: Readonly<Record<string, unknown>>;
}

/** A container with these entries, in any order. */
export function fakeContainer(
  name: string,
  entries: readonly FakeEntry[],
  fields: Readonly<Record<string, unknown>> = {},
): FakeContainer {
  return { name, persistence: "write-behind", entries: new Map(entries.map((one) => [one.key, one])), ...fields };
}

/** A server that answers as docs/audit-live.md says, on a unix socket of its own. */
export async function startFakeControl(options: FakeControlOptions = {}): Promise<FakeControl> {
  const directory = mkdtempSync(join(tmpdir(), "roomctl-control-"));
  const socketPath = join(directory, "control.sock");
  const server = createServer((request, response) => {
    void respond(control, request, response);
  });
  const control: FakeControl = {
    address: `unix:${socketPath}`,
    socketPath,
    containers: [...(options.containers ?? [])],
    server: { instance: "made-up-1", epoch: 7, pid: 4242, startedAt: "2026-01-01T00:00:00Z", ...options.server },
    asked: [],
    onAsk: () => {},
    answer: () => false,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(socketPath, resolve));
  return control;
}

async function respond(control: FakeControl, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "";
  control.asked.push(path);
  await control.onAsk(path);
  if (control.answer(request, response)) return;
  const { pathname, searchParams } = new URL(path, "http://localhost");
  const name = decodeURIComponent(/^\/state\/([^/]+)$/.exec(pathname)?.[1] ?? "");
  const container = control.containers.find((one) => one.name === name);
  if (pathname === "/state") sendJson(response, describe(control));
  else if (container) sendJson(response, page(container, searchParams));
  else response.writeHead(404).end();
}

/** Always true: `answer` has answered. */
export function sendJson(response: ServerResponse, value: unknown): true {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  return true;
}

function describe({ server, containers }: FakeControl): object {
  return {
    server,
    containers: containers.map(({ entries, ...fields }) => ({
      size: entries.size,
      dirty: 0,
      pending: [...entries.values()].filter(({ pending }) => pending).length,
      digest: "0",
      ...fields,
    })),
  };
}

function page({ entries }: FakeContainer, query: URLSearchParams): object {
  const after = query.get("after");
  const limit = Number(query.get("limit"));
  const keys = [...entries.keys()].sort().filter((key) => after === null || key > after);
  const chosen = keys.slice(0, limit);
  return {
    entries: chosen.map((key) => ({ pending: false, ...entries.get(key) })),
    next: keys.length > limit ? chosen.at(-1) : null,
  };
}
