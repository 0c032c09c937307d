// What migrations cost, as ratios to node-pg-migrate's own CLI and to squawk, interleaved in one run; medians count.
// squawk is fetched with npx when it can be had; it is no dependency.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { destroyEmbedded, startEmbedded } from "../dist/db/embedded.js";
import { loadParser } from "../dist/db/parse.js";
import { openDatabase } from "../dist/db/pool.js";
import { openScratch } from "../dist/db/scratch.js";
import { lintMigrations } from "../dist/lint/lint.js";
import { lintRules } from "../dist/lint/rules.js";
import { applyMigrations } from "../dist/migrate/apply.js";
import { parseMigration } from "../dist/migrate/build.js";
import { readMigrationFiles } from "../dist/migrate/files.js";
import { proveMigrations } from "../dist/prove/prove.js";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const roomctl = path("../bin/roomctl.js");
const nodePgMigrate = path("../node_modules/node-pg-migrate/bin/node-pg-migrate.js");
const rounds = Number(process.argv[2] ?? 7);
const root = mkdtempSync(join(tmpdir(), "roomctl-bench-"));

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const line = (name, text) => console.log(`${name.padEnd(44)}${text}`);

// Plain JavaScript on Node 20 has no `await using`.
const server = await openScratch({ directory: root });
const durable = { directory: join(root, "durable") };
try {
  console.log(`node ${process.version}, ${server.description}, median of ${rounds} interleaved rounds`);
  // Where migrations run in earnest, the server waits for its disk: default settings, unlike the scratch server's.
  const { target } = await startEmbedded(durable);
  await benchNothingToDo(target);
  await benchMany(target);
  await benchLint();
  await benchProve(server);
} finally {
  await server[Symbol.asyncDispose]();
  await destroyEmbedded(durable);
  rmSync(root, { recursive: true, force: true });
}

/** 300 small migrations, in both tools' layouts. */
function writeMigrations(count) {
  const ours = join(root, `ours-${count}`);
  const theirs = join(root, `theirs-${count}`);
  mkdirSync(ours);
  mkdirSync(theirs);
  for (let number = 1; number <= count; number += 1) {
    const name = `${String(number).padStart(4, "0")}_table`;
    const up = `CREATE TABLE IF NOT EXISTS t${number} (id bigint PRIMARY KEY, name text NOT NULL DEFAULT '', at timestamptz NOT NULL DEFAULT now());\n`;
    const down = `DROP TABLE IF EXISTS t${number};\n`;
    writeFileSync(join(ours, `${name}.up.sql`), up);
    writeFileSync(join(ours, `${name}.down.sql`), down);
    writeFileSync(join(theirs, `${name}.sql`), `-- Up Migration\n${up}-- Down Migration\n${down}`);
  }
  return { ours, theirs };
}

function urlOf({ host, port, database, user, password }) {
  return `postgresql://${user}:${password}@${host}:${port}/${database}`;
}

function time(words, url) {
  const startedMs = performance.now();
  const child = spawnSync(process.execPath, words, {
    env: { ...process.env, ROOMCTL_DATABASE_URL: url, DATABASE_URL: url },
    encoding: "utf8",
  });
  if (child.status !== 0) throw new Error(`${words.join(" ")} exited with ${child.status}: ${child.stderr}`);
  return performance.now() - startedMs;
}

async function compare(name, limit, contenders) {
  const times = contenders.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) times[index].push(await contender());
  }
  const [ours, theirs] = times.map(median);
  line(
    name,
    `${ours.toFixed(0)} ms against ${theirs.toFixed(0)} ms   x${(ours / theirs).toFixed(2)} (wanted: ${limit})`,
  );
}

/** A new database, and its address. */
async function createDatabase(target) {
  const name = `bench_${randomBytes(4).toString("hex")}`;
  const administration = await openDatabase(target);
  await administration.execute(`CREATE DATABASE ${name}`);
  await administration[Symbol.asyncDispose]();
  return { ...target, database: name };
}

async function benchNothingToDo(server) {
  const { ours, theirs } = writeMigrations(20);
  const target = await createDatabase(server);
  const database = await openDatabase(target);
  await applyMigrations(database, { directory: ours, environment: "development", lockWaitMs: 1000 });
  const url = urlOf(target);
  const upWords = [nodePgMigrate, "up", "-m", theirs];
  time(upWords, url);
  const inProcess = [];
  for (let round = 0; round < 20; round += 1) {
    const startedMs = performance.now();
    await applyMigrations(database, { directory: ours, environment: "development", lockWaitMs: 1000 });
    inProcess.push(performance.now() - startedMs);
  }
  line("nothing to do, in process", `${median(inProcess).toFixed(1)} ms (wanted: <= 30)`);
  await compare("nothing to do, as a command", "<= 0.75", [
    () => time([roomctl, "migrate", "--dir", ours], url),
    () => time(upWords, url),
  ]);
  await database[Symbol.asyncDispose]();
}

async function benchMany(server) {
  const { ours, theirs } = writeMigrations(300);
  const fresh = async (words) => time(words, urlOf(await createDatabase(server)));
  await compare("300 small migrations, as a command", "<= 1.2", [
    () => fresh([roomctl, "migrate", "--dir", ours]),
    () => fresh([nodePgMigrate, "up", "-m", theirs, "--no-single-transaction"]),
  ]);
}

/** Statements of the kind that linters have something to say about. */
function lintable(count) {
  const kinds = [
    (n) => `ALTER TABLE t${n} ADD COLUMN c${n} int NOT NULL DEFAULT 0;`,
    (n) => `CREATE INDEX i${n} ON t${n} (c${n});`,
    (n) => `ALTER TABLE t${n} ADD CONSTRAINT f${n} FOREIGN KEY (c${n}) REFERENCES u (id);`,
    (n) => `ALTER TABLE t${n} ALTER COLUMN c${n} TYPE bigint;`,
    (n) => `CREATE TABLE IF NOT EXISTS n${n} (id bigint PRIMARY KEY, at timestamptz);`,
    (n) => `UPDATE t${n} SET c${n} = 1 WHERE c${n} IS NULL;`,
  ];
  return Array.from({ length: count }, (_, index) => kinds[index % kinds.length](index)).join("\n");
}

async function benchLint() {
  const directory = join(root, "lint");
  mkdirSync(directory);
  const count = 3000;
  for (let file = 0; file < 100; file += 1) {
    writeFileSync(join(directory, `${1000 + file}_a.up.sql`), lintable(count / 100));
  }
  const parser = await loadParser();
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const files = readMigrationFiles(directory);
    const startedMs = performance.now();
    lintMigrations(parser, files, { rules: lintRules, sets: "each" });
    times.push(performance.now() - startedMs);
  }
  line("lint, after load", `${Math.round((count / median(times)) * 1000)} statements a second (wanted: >= 1500)`);
  const files = readMigrationFiles(directory).map(({ up }) => up.path);
  const squawk = ["--yes", "--package", "squawk-cli@2.66.0", "--", "squawk", "--reporter", "gcc"];
  const probe = spawnSync("npx", [...squawk, "--version"], { encoding: "utf8" });
  if (probe.status !== 0) {
    line("lint against squawk, as commands", "squawk cannot be had here");
    return;
  }
  const program = spawnSync("npx", ["--yes", "--package", "squawk-cli@2.66.0", "--", "which", "squawk"], {
    encoding: "utf8",
  });
  await compare("lint against squawk, as commands", "told only", [
    () => timeAny(process.execPath, [roomctl, "migrate", "lint", "--fail-on", "none", "--dir", directory]),
    () => timeAny(program.stdout.trim(), ["--reporter", "gcc", ...files]),
  ]);
}

/** Linters exit with a code of their own when they find something. */
function timeAny(program, words) {
  const startedMs = performance.now();
  const child = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 28, cwd: root });
  if (child.error) throw child.error;
  return performance.now() - startedMs;
}

async function benchProve(server) {
  const directory = join(root, "prove");
  mkdirSync(directory);
  const count = 200;
  for (let file = 0; file < 40; file += 1) {
    const statements = Array.from({ length: count / 40 }, (_, index) => {
      const name = `p${file}_${index}`;
      return `CREATE TABLE IF NOT EXISTS ${name} (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());`;
    });
    const drops = statements.map((text) =>
      text.replace(/CREATE TABLE IF NOT EXISTS (\w+).*/, "DROP TABLE IF EXISTS $1;"),
    );
    writeFileSync(join(directory, `${1000 + file}_a.up.sql`), statements.join("\n"));
    writeFileSync(join(directory, `${1000 + file}_a.down.sql`), drops.join("\n"));
  }
  const parser = await loadParser();
  const migrations = readMigrationFiles(directory).map((file) => parseMigration(parser, file));
  const times = [];
  for (let round = 0; round < 3; round += 1) {
    const startedMs = performance.now();
    await proveMigrations(server, { built: [], proved: migrations }, {});
    times.push(performance.now() - startedMs);
  }
  line(
    "prove, on a server that runs",
    `${Math.round((count / median(times)) * 1000)} statements a second (wanted: >= 100)`,
  );
}
