import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { nemeses } from "../../src/recover/drill-plan.js";
import { runRoomctl } from "../support/cli.js";

interface DrillAnswer {
  readonly ok: boolean;
  readonly seed: number;
  readonly verdict: {
    readonly cycles: number;
    readonly nemeses: Readonly<Record<string, number>>;
    readonly counts: { readonly operations: number; readonly acknowledged: number; readonly durable: number };
    readonly lost: number;
    readonly revived: number;
    readonly violations: readonly { readonly message: string; readonly history: readonly string[] }[];
  };
}

/** In as many cycles every nemesis comes at least once. */
const everyNemesis = 18;

test("a drill with every nemesis finds nothing lost, revived or otherwise wrong", { timeout: 1_800_000 }, async () => {
  const words = ["recover", "--drill", "--cycles", String(everyNemesis), "--seed", "7", "--json"];
  const result = await runRoomctl(words);
  const { ok, seed, verdict } = result.json<DrillAnswer>();
  expect(verdict.violations).toEqual([]);
  expect({ status: result.status, ok, seed }).toEqual({ status: 0, ok: true, seed: 7 });
  expect(Object.keys(verdict.nemeses).sort()).toEqual([...nemeses].sort());
  expect(verdict).toMatchObject({ cycles: everyNemesis, lost: 0, revived: 0 });
  expect(verdict.counts.durable).toBeGreaterThan(100);
});

test("planted bugs are found, and named with what showed them", { timeout: 1_800_000 }, async () => {
  const bugs = ["revive-stale", "no-tombstone", "torch-restarts", "lose-rate-limits"].flatMap((bug) => ["--bug", bug]);
  const words = ["recover", "--selftest", ...bugs, "--seed", "7"];
  const { status, stdout } = await runRoomctl([...words, "--cycles", "15"]);
  expect(stdout).toContain("4 of 4 planted bugs found; seed 7");
  expect(stdout).toMatch(/^torch-restarts\tin cycle \d+\tI16 after /m);
  expect(stdout).toMatch(/^revive-stale\tin cycle \d+\tI6 after \S+\tthe stale room \S+ came back$/m);
  expect(stdout).toMatch(/^no-tombstone\tin cycle \d+\tI\d+ after /m);
  expect(status).toBe(0);
});

test("a planted bug that is not found within its cycles fails the selftest", async () => {
  const words = ["recover", "--selftest", "--bug", "no-fence", "--cycles", "1", "--seed", "7"];
  const { status, stdout } = await runRoomctl(words);
  expect(stdout).toContain("no-fence\tnot in 1 cycle");
  expect(stdout).toContain("0 of 1 planted bug found; seed 7");
  expect(status).toBe(3);
});

interface Line {
  readonly what?: string;
  readonly pid?: number;
}

/** The lines of the one history in a folder. */
function readHistory(folder: string): readonly Line[] {
  const [name] = readdirSync(folder);
  const text = name === undefined ? "" : readFileSync(join(folder, name), "utf8");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line): Line => JSON.parse(line));
}

/** Waits until the history has so many lines of this kind, as long as the folder is there. */
async function untilNoted(folder: string, what: string, times: number): Promise<void> {
  while (existsSync(folder) && readHistory(folder).filter((line) => line.what === what).length < times) await sleep(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Gone, which is the answer.
    return false;
  }
}

test.each([
  ["when it strikes", "strike", 1],
  ["while users return to a new server", "listening", 2],
  ["in a later cycle", "struck", 4],
] as const)("a drill that is interrupted %s leaves neither server nor database behind", async (_when, what, times) => {
  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-drill-"));
  const histories = mkdtempSync(join(tmpdir(), "roomctl-drill-history-"));
  const words = ["recover", "--drill", "--cycles", "50", "--history", histories, "--json"];
  const { status, stderr } = await runRoomctl(words, {
    workingDirectory,
    signal: { name: "SIGINT", after: untilNoted(histories, what, times) },
  });
  expect({ status, stderr }).toEqual({ status: 130, stderr: expect.stringContaining('"code":"E_INTERRUPTED"') });
  const pids = readHistory(histories).flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  expect(pids.length).toBeGreaterThan(0);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(readdirSync(workingDirectory)).toEqual([]);
  rmSync(workingDirectory, { recursive: true });
  rmSync(histories, { recursive: true });
});

test.each([
  [["recover", "--drill", "--cycles", "0"], /--cycles is not a whole number above 0/],
  [["recover", "--drill", "--minutes", "soon"], /--minutes is not a number above 0/],
  [["recover", "--seed", "7"], /--seed belongs to a drill/],
  [["recover", "--drill", "--dry-run"], /a drill works on a database of its own/],
  [["recover", "--drill", "--nemesis", "typo"], /no such nemesis: "typo"/],
  [["recover", "--selftest", "--bug", "typo"], /no such planted bug: "typo"/],
] as const)("%j is a usage error", async (words, message) => {
  const result = await runRoomctl(words);
  expect(result).toMatchObject({ status: 2, stdout: "" });
  expect(result.stderr).toMatch(message);
});
