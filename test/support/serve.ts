import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { programPath } from "./cli.js";

interface ServeOptions {
  /** Set as ROOMCTL_DATABASE_URL; without it the server is memory only. */
  readonly databaseUrl?: string;
  /** One that is free unless told. */
  readonly port?: number;
  /** Further words of the command line: `["--grace", "3s"]`. */
  readonly words?: readonly string[];
  /** The whole environment besides PATH, HOME and the database. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the server prints as one JSON line when it listens. */
interface ListeningLine {
  readonly event: "listening";
  readonly port: number;
  readonly epoch: string | null;
  readonly recovery?: unknown;
}

interface ServerExit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running `roomctl serve`. Killed at the end of its `await using` scope, if it still runs. */
export interface ServeProcess extends AsyncDisposable {
  readonly pid: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly listening: ListeningLine;
  /** Everything that it printed so far, stdout and stderr as they came. */
  output(): string;
  /** Sends a signal, and waits for its end unless the signal only stops or continues it. */
  kill(signal: NodeJS.Signals): Promise<void>;
  readonly exited: Promise<ServerExit>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** Starts the built program and waits until it listens. Throws with its output if it ends before that. */
export async function startServe(options: ServeOptions = {}): Promise<ServeProcess> {
  const home = mkdtempSync(join(tmpdir(), "roomctl-serve-"));
  const child = spawnServe(options, home);
  let output = "";
  const exited = new Promise<ServerExit>((resolve) => {
    child.once("close", (status, signal) => {
      rmSync(home, { recursive: true, force: true });
      resolve({ status, signal });
    });
  });
  const listening = await new Promise<ListeningLine>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output += `${line}\n`;
        const message = readListening(line);
        if (message) resolve(message);
      });
    }
    child.once("error", reject);
    exited.then(({ status, signal }) => reject(new Error(`serve ended (${status ?? signal}) at once:\n${output}`)));
  });
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") await exited;
  };
  return {
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${listening.port}`,
    listening,
    output: () => output,
    kill,
    exited,
    [Symbol.asyncDispose]: () => kill("SIGKILL"),
  };
}

function spawnServe({ databaseUrl, port = 0, words = [], environment }: ServeOptions, home: string): Child {
  const database: Record<string, string> = databaseUrl ? { ROOMCTL_DATABASE_URL: databaseUrl } : {};
  return spawn(process.execPath, [programPath, "serve", "--port", String(port), "--json", ...words], {
    cwd: home,
    env: { PATH: process.env["PATH"], HOME: home, LANG: "C.UTF-8", ...database, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function readListening(line: string): ListeningLine | undefined {
  if (!line.includes('"listening"')) return undefined;
  try {
    const message = JSON.parse(line);
    return message.event === "listening" ? message : undefined;
  } catch {
    // A log line that only speaks of listening.
    return undefined;
  }
}
