import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";

export interface RunOptions {
  /** The whole environment of the program. */
  readonly environment: Readonly<Record<string, string>>;
  /** When it aborts, the program is ended and the signal's reason thrown. */
  readonly signal?: AbortSignal;
  /** The program is killed after this time; no limit unless told. */
  readonly timeoutMs?: number;
  /** The program is killed when it printed more; no limit unless told. */
  readonly maxBytes?: number;
}

export interface ProgramOutput {
  readonly stdout: Buffer;
  /** Its end, when it was long. */
  readonly stderr: string;
  /** Null for a program that ran to its end and exited with 0; else why not: `exit 1`, `SIGKILL`, `no end after 5000ms`. */
  readonly problem: string | null;
}

/** Runs a program with closed stdin and keeps what it printed. That it cannot be run, fails or hangs is a result. */
export async function runForOutput(
  program: string,
  words: readonly string[],
  options: RunOptions,
): Promise<ProgramOutput> {
  options.signal?.throwIfAborted();
  const output = await new Promise<ProgramOutput>((resolve) => {
    // A group of its own, so that what it starts ends with it: a grandchild would hold our pipes open.
    const child = spawn(program, words, {
      cwd: "/",
      env: { ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const said = collect(child, options);
    const finish = (problem: string | null) => {
      said.release();
      resolve({ stdout: Buffer.concat(said.stdout), stderr: said.stderr(), problem: said.verdict() ?? problem });
    };
    child.once("error", ({ message }) => finish(message));
    child.once("close", (code, signal) => finish(code === 0 ? null : (signal ?? `exit ${code}`)));
  });
  options.signal?.throwIfAborted();
  return output;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** How long a program may take to end by itself when it is told to. */
const goodbyeMs = 2000;
const keptErrors = 64 * 1024;

/** Gathers the output of a child, and ends the child where time, size or the caller say so. */
function collect(child: Child, { signal, timeoutMs, maxBytes = Number.POSITIVE_INFINITY }: RunOptions) {
  let verdict: string | null = null;
  const timers: NodeJS.Timeout[] = [];
  const kill = (why: string) => {
    verdict ??= why;
    killGroup(child, "SIGKILL");
    // What left the group and still holds the pipes is not waited for.
    child.stdout.destroy();
    child.stderr.destroy();
  };
  // pg_dump, told kindly, cancels its query on the server.
  const abort = () => {
    killGroup(child, "SIGTERM");
    timers.push(setTimeout(() => kill("aborted"), goodbyeMs));
  };
  if (timeoutMs !== undefined) timers.push(setTimeout(() => kill(`no end after ${timeoutMs}ms`), timeoutMs));
  signal?.addEventListener("abort", abort, { once: true });
  return {
    ...keepOutput(child, maxBytes, () => kill(`more than ${maxBytes} bytes`)),
    verdict: () => verdict,
    release() {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    },
  };
}

function keepOutput(child: Child, maxBytes: number, onTooMuch: () => void) {
  const stdout: Buffer[] = [];
  let stderr = Buffer.alloc(0);
  let sizeBytes = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) onTooMuch();
    else stdout.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-keptErrors);
  });
  return { stdout, stderr: () => stderr.toString("utf8").trim() };
}

function killGroup(child: Child, name: NodeJS.Signals): void {
  // Without a number it was never started.
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // It has ended already.
  }
}
