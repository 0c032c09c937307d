import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { commandEntries } from "../../src/commands/index.js";
import { exitCodes } from "../../src/core/errors.js";
import { runRoomctl } from "../support/cli.js";

/** Every example of every help page, in an order in which each makes sense, with the exit code that it must have. */
const expected: Readonly<Record<string, number>> = {
  "roomctl embedded start": 0,
  "roomctl config --embedded": 0,
  "roomctl config show --origin": 0,
  "roomctl migrate plan": 0,
  "roomctl migrate plan --json": 0,
  "roomctl migrate up --dry-run": 0,
  "roomctl migrate prove": 0,
  "roomctl migrate prove --since 6 --json": 0,
  "roomctl migrate prove --pending": 0,
  "roomctl migrate up --to 3": 0,
  "roomctl migrate trace": 0,
  "roomctl migrate trace --all": 0,
  "roomctl migrate trace --since 5 --fail-on rewrite --json": 0,
  "roomctl migrate compat --from 3 --queries queries.sql": 0,
  "roomctl migrate": 0,
  "roomctl migrate status": 0,
  "roomctl migrate status --check": 0,
  "roomctl migrate drift": 0,
  "roomctl migrate drift --ignore 'comment*' --json": 0,
  "roomctl migrate compat --queries queries.sql --json": 0,
  "roomctl migrate lint": 0,
  "roomctl migrate lint --since 3 --fail-on none --format github": 0,
  "roomctl migrate lint --all --fail-on none --format sarif": 0,
  "roomctl migrate lint 2 3 --verbose": 0,
  "roomctl migrate lint --explain ignore-unused": 0,
  "roomctl doctor": 0,
  "roomctl seed": 0,
  // The demonstration data has three cards that were never finalized, for the audit to find.
  "roomctl audit": 3,
  "roomctl audit --fail-on warning --json": 3,
  "roomctl audit --state active-rooms --state users": 3,
  "roomctl backup create": 0,
  "roomctl backup create --table users --note before-import": 0,
  "roomctl backup create --quiet --json --verify --metrics backup.prom": 0,
  "roomctl backup schedule --cron '0 2 * * *' --print cron": 0,
  "roomctl backup schedule --cron '0 */6 * * *' --print systemd --jitter 10m --keep-daily 7 --keep-weekly 4": 0,
  "roomctl backup schedule --cron '30 1 * * mon-fri' --print k8s --time-zone Europe/Berlin": 0,
  "roomctl backup list": 0,
  "roomctl backup verify": 0,
  "roomctl backup verify latest --json": 0,
  "roomctl backup verify --since-last": 0,
  "roomctl backup verify --all": 0,
  "roomctl backup pin latest --note 'before the import'": 0,
  "roomctl backup unpin latest": 0,
  "roomctl backup prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run": 0,
  "roomctl backup prune --keep-within 14d --keep-monthly 12 --keep-chosen 90d --verify": 0,
  "roomctl backup restore latest --new-database app_copy": 0,
  "roomctl backup restore latest --swap": 0,
  "roomctl backup restore latest --replace": 0,
  "roomctl backup restore latest --schema-into look --table users": 0,
  "roomctl backup drill": 0,
  "roomctl backup drill latest --json": 0,
  "roomctl wipe scopes": 0,
  "roomctl wipe": 0,
  "roomctl wipe --estimate": 0,
  "roomctl wipe --fresh": 0,
  "roomctl wipe --scope chat --older-than 30d": 0,
  "roomctl wipe --test-users '%@example.com'": 0,
  "roomctl wipe --scope rooms --scope chat": 0,
  "roomctl wipe --scope rooms --confirm": 0,
  "roomctl backup restore --dry-run": 0,
  "roomctl backup restore latest": 0,
  "roomctl wipe --table todos --where done --confirm": 0,
  "roomctl wipe receipts": 0,
  "roomctl wipe undo latest --dry-run": 0,
  "roomctl wipe undo latest": 0,
  // It was undone already.
  "roomctl wipe undo latest --merge": 4,
  "roomctl sequences check": 0,
  "roomctl sequences reset --dry-run": 0,
  "roomctl sequences reset": 0,
  "roomctl recover --dry-run": 0,
  "roomctl recover --dry-run --limit 300": 0,
  "roomctl recover": 0,
  "roomctl recover --drill --cycles 3": 0,
  "roomctl serve --embedded --port 0": 0,
  "roomctl serve --memory-only --port 0": 0,
  "roomctl operations --limit 5": 0,
  "roomctl operations --kind wipe": 0,
  "roomctl operations 1": 0,
  "roomctl migrate down --dry-run": 0,
  "roomctl migrate down --to 3 --dry-run": 0,
  "roomctl migrate redo --dry-run": 0,
  "roomctl migrate redo --confirm": 0,
  // This database has a history already, so there is nothing to take over.
  "roomctl migrate baseline 3 --dry-run": 4,
  "roomctl migrate baseline 3": 4,
  "roomctl migrate down --confirm": 0,
  "roomctl migrate new add-something --dir migrations": 0,
  "roomctl config protect": 0,
  "roomctl config protect users --note 'ask the owner first'": 0,
  "roomctl config unprotect users --confirm": 0,
  "roomctl config mark staging": 0,
  "roomctl completion bash": 0,
  "roomctl embedded stop": 0,
};

test("every example of the help pages works as typed", { timeout: 1_800_000 }, async () => {
  const definitions = await Promise.all(commandEntries.map((entry) => entry.load()));
  const examples = definitions.flatMap(({ examples: own }) => own.map(({ command }) => command));
  expect([...new Set(examples)].sort()).toEqual(Object.keys(expected).sort());

  const workingDirectory = mkdtempSync(join(tmpdir(), "roomctl-examples-"));
  writeFileSync(join(workingDirectory, "queries.sql"), "SELECT user_id FROM users WHERE email = $1;\n");
  const environment = { ROOMCTL_EMBEDDED: "1" };
  // A server runs until it is told to stop.
  const signal = { name: "SIGTERM", when: "listening on" } as const;
  const run = (words: readonly string[]) =>
    runRoomctl(words, { workingDirectory, environment, ...(words[0] === "serve" ? { signal } : {}) });
  try {
    for (const [example, status] of Object.entries(expected)) {
      const result = await run(wordsOf(example).slice(1));
      expect({ example, status: result.status, stderr: result.stderr }).toMatchObject({ example, status });
      // A refusal is the one answer that stands on stderr.
      expect(status === exitCodes.refused ? result.stderr : result.stdout, example).not.toBe("");
      // Each operation before it says in one line what it did.
      if (example === "roomctl operations --limit 5") expect(result.stdout).not.toMatch(/\t–\t–$/m);
    }
  } finally {
    await run(["embedded", "stop", "--remove-data"]);
    rmSync(workingDirectory, { recursive: true, force: true });
  }
});

/** As a shell reads it: what stands in single quotes is one word, without them. */
function wordsOf(command: string): readonly string[] {
  return (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, "$1"));
}
