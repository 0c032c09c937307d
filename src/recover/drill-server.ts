import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { RoomctlError } from "../core/errors.js";

/** How the server that is drilled is run: `node bin/roomctl.js` and an environment without secrets. */
export interface ServerProgram {
  readonly command: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Must be there. */
  readonly workingDirectory: string;
}

export interface ServerWish {
  /** With its password: it goes into the child's environment, never into its words. */
  readonly databaseUrl: string;
  readonly graceMs: number;
  readonly failpoint?: string;
  readonly plantedBug?: string;
}

/** What a server says when it listens. */
export interface Listening {
  readonly port: number;
  readonly epoch: string;
  readonly at: number;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly at: number;
}

/** A server as a child process of the drill's. */
export interface DrillServer {
  readonly pid: number;
  readonly startedAt: number;
  /** Undefined when it ended before it listened. */
  readonly listening: Promise<Listening | undefined>;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  signal(name: NodeJS.Signals): void;
  /** The last lines that it logged. */
  tail(): string;
}

/** Takes every rate limit out of the way of the users at work. */
export const limitScale = 1000;
const keptLines = 12;
const startPatienceMs = 120_000;

/** Starts a server; `now` is the drill's clock. */
export function spawnServer(program: ServerProgram, wish: ServerWish, now: () => number): DrillServer {
  const { command, words, environment, workingDirectory: cwd } = program;
  const startedAt = now();
  const child = spawn(command, [...words, ...wordsFor(wish)], {
    cwd,
    env: { ...environment, ...environmentFor(wish) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const listening = awaitListening(child, lines, now);
  const exited = once(child, "exit").then(
    ([code, signal]): Exit => ({ code, signal, at: now() }),
    (cause: unknown) => {
      throw new RoomctlError("E_INTERNAL", `the server could not be started: ${command}`, { cause });
    },
  );
  // Whoever waits for it is told; nobody has to.
  exited.catch(() => {});
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    startedAt,
    listening,
    exited,
    hasExited,
    signal(name) {
      if (!hasExited()) child.kill(name);
    },
    tail: () => lines.slice(-keptLines).join("\n"),
  };
}

/** Waits until the server listens. Throws E_INTERNAL with what it logged when it does not. */
export async function awaitServer(server: DrillServer): Promise<Listening> {
  const listening = await awaitServerOrEnd(server);
  if (listening === undefined) throw notStarted(server);
  return listening;
}

/** As `awaitServer`, but undefined when the server ended by itself before it listened. */
export async function awaitServerOrEnd(server: DrillServer): Promise<Listening | undefined> {
  const late = new AbortController();
  // Given up when the server was quicker: nobody looks at it then.
  const patience = sleep(startPatienceMs, "late" as const, { signal: late.signal }).catch(() => undefined);
  const listening = await Promise.race([server.listening, patience]);
  late.abort();
  if (listening !== "late") return listening;
  server.signal("SIGKILL");
  throw notStarted(server);
}

/** With what it logged. */
export function notStarted(server: DrillServer): RoomctlError {
  const said = server.tail() || "it said nothing";
  return new RoomctlError("E_INTERNAL", `the server that is drilled did not start: ${said}`);
}

function wordsFor({ graceMs }: ServerWish): readonly string[] {
  const limits = ["--limit-scale", String(limitScale), "--max-connections-per-address", "2000"];
  // A server that was overtaken notices it at its next heartbeat, if it has nothing to write.
  return [
    "serve",
    "--json",
    "--port",
    "0",
    "--instance",
    "drill",
    "--grace",
    `${graceMs}ms`,
    "--heartbeat",
    "2s",
    ...limits,
  ];
}

function environmentFor({ databaseUrl, failpoint, plantedBug }: ServerWish): Record<string, string> {
  return {
    ROOMCTL_DATABASE_URL: databaseUrl,
    ...(failpoint === undefined ? {} : { ROOMCTL_FAILPOINT: failpoint }),
    ...(plantedBug === undefined ? {} : { ROOMCTL_PLANTED_BUG: plantedBug }),
  };
}

function awaitListening(child: ChildProcess, lines: string[], now: () => number): Promise<Listening | undefined> {
  return new Promise((resolve) => {
    const read = (line: string) => {
      lines.push(line);
      if (lines.length > 4 * keptLines) lines.splice(0, lines.length - keptLines);
      const listening = parseListening(line, now);
      if (listening) resolve(listening);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on("line", read);
    child.once("exit", () => resolve(undefined));
    child.once("error", () => resolve(undefined));
  });
}

function parseListening(line: string, now: () => number): Listening | undefined {
  if (!line.startsWith("{") || !line.includes('"listening"')) return undefined;
  try {
    const { event, port, epoch }: Record<string, unknown> = JSON.parse(line);
    return event === "listening" ? { port: Number(port), epoch: String(epoch), at: now() } : undefined;
  } catch {
    // Half a line of a process that was killed while it wrote.
    return undefined;
  }
}
