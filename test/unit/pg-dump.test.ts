import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { withoutRestrict } from "../../src/db/pg-dump.js";
import { type FindOptions, findPgDump } from "../../src/db/pg-dump-find.js";

interface Machine extends Disposable {
  path(...parts: readonly string[]): string;
  /** Puts a shell script in place of a pg_dump. */
  install(folder: string, script: string): string;
}

function createMachine(): Machine {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "roomctl-programs-")));
  return {
    path: (...parts) => join(root, ...parts),
    install(folder, script) {
      const path = join(root, folder, "pg_dump");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, script.startsWith("#!") ? script : `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
      return path;
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

const version = (text: string) => `echo 'pg_dump (PostgreSQL) ${text}'`;

function find(machine: Machine, options: Partial<FindOptions>) {
  return findPgDump({ serverVersion: 160_004, folders: [], searchPath: machine.path("bin"), ...options });
}

test("of several programs the one of the lowest version that is not below the server's is used", async () => {
  using machine = createMachine();
  machine.install("bin", version("15.20 (Debian 15.20-0+deb12u1)"));
  machine.install("lib/18/bin", version("18.1"));
  const right = machine.install("lib/16/bin", version("16.9"));
  machine.install("lib/17/bin", version("17.2"));
  const { program } = await find(machine, { folders: [machine.path("lib/*/bin")] });
  expect(program).toEqual({ path: right, version: "16.9", major: 16, name: "pg_dump (PostgreSQL) 16.9" });
});

test("of two that fit alike the one that comes first in PATH is used, under whatever vendor's name", async () => {
  using machine = createMachine();
  const first = machine.install("bin", "echo 'pg_dump (EnterpriseDB) 17beta2'");
  machine.install("lib/17/bin", version("17.2"));
  const { program } = await find(machine, { folders: [machine.path("lib/*/bin")] });
  expect(program).toMatchObject({ path: first, version: "17beta2", major: 17 });
});

test("when all are too old it says which were found, why they do not do, and what to install", async () => {
  using machine = createMachine();
  const old = machine.install("bin", version("15.18"));
  const found = await find(machine, { serverVersion: 180_004 });
  expect(found).toMatchObject({
    program: undefined,
    reason: `${old} is 15.18, the server is 18.4: pg_dump refuses newer servers`,
    hint: expect.stringMatching(/postgresql-client-18\b.*brew install postgresql@18\b.*--pg-dump/),
  });
});

test("without any it says so, whatever PATH is", async () => {
  using machine = createMachine();
  for (const searchPath of [undefined, "", ":", machine.path("nowhere"), "relative:."]) {
    const { program, reason } = await find(machine, { searchPath });
    expect([program, reason]).toEqual([undefined, "no pg_dump was found, and the server is 16.4"]);
  }
});

test("only the program that was named is looked at", async () => {
  using machine = createMachine();
  machine.install("bin", version("16.1"));
  const given = machine.install("given", version("17.0"));
  expect((await find(machine, { given })).program?.path).toBe(given);
  const absent = await find(machine, { given: machine.path("absent") });
  expect([absent.program, absent.reason]).toEqual([
    undefined,
    expect.stringContaining("absent does not tell its version"),
  ]);
});

test.each([
  ["hangs", "sleep 600 & sleep 600", "no end after 3000ms"],
  ["prints without end", "while :; do echo nonsense nonsense nonsense nonsense; done", "more than 65536 bytes"],
  ["prints nonsense", "echo pg_dump is love", "is no pg_dump"],
  ["prints nothing", "true", "is no pg_dump"],
  ["claims a version that is none", version("99999999999"), "is no pg_dump"],
  ["fails", `${version("16.0")}; exit 3`, "exit 3"],
  ["is killed", "kill -9 $$", "SIGKILL"],
  ["cannot be run", "#!/nowhere/shell", "does not tell its version"],
])("a program called pg_dump that %s is left out, soon", async (_, script, reason) => {
  using machine = createMachine();
  machine.install("bin", script);
  // Only what is to be given up has little time: a busy machine takes its own to start a program.
  const limits = { timeoutMs: script.startsWith("sleep") ? 3000 : 60_000 };
  const startedMs = performance.now();
  expect(await find(machine, limits)).toMatchObject({
    program: undefined,
    reason: expect.stringContaining(reason),
  });
  expect(performance.now() - startedMs).toBeLessThan(300_000);
  const good = machine.install("lib/16/bin", version("16.9"));
  const { program } = await find(machine, { ...limits, folders: [machine.path("lib/*/bin")] });
  expect(program?.path).toBe(good);
});

test("an abort ends the search", async () => {
  using machine = createMachine();
  machine.install("bin", "sleep 600");
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 200);
  await expect(find(machine, { signal: abort.signal, timeoutMs: 600_000 })).rejects.toThrow("enough");
});

const head = "--\n-- PostgreSQL database dump\n--\n\n";
const body = "-- Dumped by\n\nCREATE FUNCTION f() AS $$\n\\restrict a1\n\\unrestrict a1\n$$;\n";
const complete = "--\n-- PostgreSQL database dump complete\n--\n";

test("psql's own two lines are taken out of a script, and what looks like them in a function stays", () => {
  const script = `${head}\\restrict a1\n\n${body}${complete}\n\\unrestrict a1\n\n`;
  expect(withoutRestrict(script)).toBe(`${head}\n${body}${complete}\n`);
  const older = `${head}${body}${complete}\n`;
  expect(withoutRestrict(older)).toBe(older);
});

test.each([
  ["another key at the end", `${head}\\restrict a1\n\n${body}${complete}\n\\unrestrict b2\n\n`],
  ["no end", `${head}\\restrict a1\n\n${body}${complete}\n`],
  ["no beginning", `${head}${body}${complete}\n\\unrestrict a1\n\n`],
  ["a beginning after a statement", `${head}SELECT 1;\n\\restrict a1\n${complete}\n\\unrestrict a1\n\n`],
])("a script with %s is left as it is", (_, script) => {
  expect(withoutRestrict(script)).toBe(script);
});
