// The demo: every step is a command as a user would type it, run for real, with its real output.
// It works in a folder of its own, on an embedded PostgreSQL that it stops at the end.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bin/roomctl.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "roomctl-demo-"));
const startedMs = Date.now();

const environment = { ROOMCTL_EMBEDDED: "1", PATH: process.env.PATH, HOME: process.env.HOME, TERM: process.env.TERM };
if (process.stdout.isTTY) environment.FORCE_COLOR = "1";

const risky = `--since 1 --dir ${fileURLToPath(new URL("risky", import.meta.url))}`;

/** Each step: what it shows, what is typed, and the exit code that it must have. */
const steps = [
  ["An empty folder, no database: roomctl starts one of its own.", "migrate", 0],
  ["Running it again changes nothing.", "migrate", 0],
  ["Is the database what the files build? They are built on a throw-away server and compared.", "migrate drift", 0],
  [
    "A set of migrations with three planted faults: what do they look like to the linter? (exit 3)",
    `migrate lint ${risky}`,
    3,
  ],
  ["What do they really lock, rewrite and read?", `migrate trace ${risky}`, 0],
  [
    "Can they run again, be cut off, go down and up? One loses a primary key without a word. (exit 3)",
    `migrate prove ${risky}`,
    3,
  ],
  ["A believable app: 2,000 users, 300 live rooms, 20,000 messages, links, cooldowns, bans.", "seed", 0],
  [
    "Which state survives a restart, and what is wrong? (three planted cards were never finalized: exit 3)",
    "audit --fail-on warning",
    3,
  ],
  ["A backup of everything, then read it back completely.", "backup create", 0],
  ["", "backup verify latest", 0],
  [
    "Is it any good? Restore it on a throw-away server, compare every table, and see how long that takes.",
    "backup drill latest",
    0,
  ],
  ["What would a retention rule keep, and why?", "backup prune --keep-daily 7 --keep-weekly 4 --dry-run", 0],
  ["What would a wipe of the running rooms take? Without --confirm nothing happens.", "wipe --scope rooms", 0],
  [
    "Do it. It takes its own backup first; this database is marked as development, so a bare --confirm is enough.",
    "wipe --scope rooms --confirm",
    0,
  ],
  ["Every operation leaves a record.", "operations", 0],
  ["The rooms come back, from the backup that the wipe took.", "wipe undo latest", 0],
  ["Would any sequence hand out an id that exists?", "sequences check", 0],
  ["What would a server start bring back, from the rows alone?", "recover --dry-run --limit 5", 0],
  ["Stop the server; this was a demonstration, so its data goes as well.", "embedded stop --remove-data", 0],
];

let failed = 0;
try {
  for (const [explanation, typed, expected] of steps) {
    if (explanation) console.log(`\n\u2500\u2500 ${explanation}`);
    console.log(`\n$ roomctl ${typed}`);
    const { status } = spawnSync(process.execPath, [program, ...typed.split(" ")], {
      cwd: folder,
      env: environment,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (status === expected) continue;
    failed += 1;
    console.log(`the demo expected exit ${expected} and got ${status}`);
  }
} finally {
  // Also after a failed step or Ctrl-C: the server is stopped by its own command, and its folder goes.
  spawnSync(process.execPath, [program, "embedded", "stop", "--remove-data"], { cwd: folder, env: environment });
  rmSync(folder, { recursive: true, force: true });
}
console.log(
  `\n${failed === 0 ? "Every step did what it should" : `${failed} steps failed`}, in ${((Date.now() - startedMs) / 1000).toFixed(1)} s.`,
);
process.exitCode = failed === 0 ? 0 : 1;
