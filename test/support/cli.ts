import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const programPath = fileURLToPath(new URL("../../bin/roomctl.js", import.meta.url));

export interface RunOptions {
  /** Set as ROOMCTL_DATABASE_URL (with its password: never on the command line). */
  readonly databaseUrl?: string;
  /** The whole environment besides PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  /** An empty folder of its own unless told. */
  readonly workingDirectory?: string;
  /** Sent on stdin, which is closed otherwise. */
  readonly input?: string;
  /** Send this signal as soon as stderr or stdout holds `when`, or `after` has come to pass. */
  readonly signal?: {
    readonly name: NodeJS.Signals;
    readonly when?: string;
    readonly after?: Promise<unknown>;
  };
  /** Told its process number at once. */
  readonly onStart?: (pid: number) => void;
  /** Told of each line that stderr holds, as soon as it is whole. */
  readonly onErrorLine?: (line: string) => void;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code, or null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** stdout as JSON; throws when it is not exactly one object. */
  json<T = Record<string, unknown>>(): T;
}

/** Runs the built `roomctl` as a user would: a real process, a minimal environment, no terminal. */
export async function runRoomctl(words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const own = options.workingDirectory === undefined ? mkdtempSync(join(tmpdir(), "roomctl-cwd-")) : undefined;
  try {
    return await spawnRoomctl(words, options, own ?? options.workingDirectory ?? ".");
  } finally {
    if (own) rmSync(own, { recursive: true, force: true });
  }
}

function spawnRoomctl(words: readonly string[], options: RunOptions, cwd: string): Promise<RunResult> {
  const database: Record<string, string> = options.databaseUrl ? { ROOMCTL_DATABASE_URL: options.databaseUrl } : {};
  const child = spawn(process.execPath, [programPath, ...words], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: cwd, LANG: "C.UTF-8", ...database, ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  const { signal } = options;
  let isSent = false;
  let fail: (error: unknown) => void = () => {};
  // Once: a second SIGINT is the user's way to insist.
  const sendSignal = () => {
    if (signal && !isSent && child.exitCode === null) child.kill(signal.name);
    isSent = true;
  };
  // What never came to pass fails the run, and is not left to wait for it.
  signal?.after?.then(sendSignal, (error: unknown) => {
    child.kill("SIGKILL");
    fail(error);
  });
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      if (signal?.when !== undefined && output[name].includes(signal.when)) sendSignal();
    });
  }
  const { onErrorLine, onStart } = options;
  if (child.pid !== undefined) onStart?.(child.pid);
  if (onErrorLine) createInterface({ input: child.stderr }).on("line", onErrorLine);
  child.stdin.on("error", () => {
    // A program that ended without reading its input is judged by its exit code.
  });
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    fail = reject;
    child.once("error", reject);
    child.once("close", (status, signalName) =>
      resolve({ ...output, status, signal: signalName, json: () => JSON.parse(output.stdout) }),
    );
  });
}
