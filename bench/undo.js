// What it takes to undo a wipe, beside restoring the same rows into the same emptied tables, keys and indexes in place:
// interleaved rounds in one run, medians, and their ratio.
// usage: node bench/undo.js [rounds] [millions of messages]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binariesIn } from "../dist/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../dist/db/embedded.js";
import { openDatabase } from "../dist/db/pool.js";

const rounds = Number(process.argv[2] ?? 3);
const millions = Number(process.argv[3] ?? 1);
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

const folder = mkdtempSync(join(tmpdir(), "roomctl-bench-undo-"));
const options = {
  directory: join(folder, "server"),
  binaries: binariesIn(process.env.PG_BIN ?? "/usr/lib/postgresql/15/bin"),
  settings: { shared_buffers: "256MB", max_wal_size: "4GB", checkpoint_timeout: "30min", autovacuum: "off" },
};
const { target } = await startEmbedded(options);
const url = (name) => `postgresql://${target.user}:${target.password}@${target.host}:${target.port}/${name}`;
try {
  await fillDatabase();
  const samples = { undo: [], restore: [] };
  for (let round = 0; round < rounds; round += 1) {
    roomctl("wipe", "--scope", "all", "--confirm", "--quiet");
    samples.undo.push(roomctl("wipe", "undo", "latest", "--quiet"));
    roomctl("wipe", "--scope", "all", "--confirm", "--quiet");
    samples.restore.push(roomctl("backup", "restore", "latest", "--quiet"));
  }
  const [undo, restore] = [median(samples.undo), median(samples.restore)];
  console.log(
    `undo ${(undo / 1000).toFixed(2)} s, restore ${(restore / 1000).toFixed(2)} s, medians of ${rounds} rounds`,
  );
  console.log(`an undo takes x${(undo / restore).toFixed(2)} the time of a restore of the same rows (wanted: about 1)`);
} finally {
  await destroyEmbedded(options);
  rmSync(folder, { recursive: true, force: true });
}

/** Returns how long it took, in milliseconds. */
function roomctl(...words) {
  const startedMs = performance.now();
  const env = { PATH: process.env.PATH, HOME: folder, ROOMCTL_DATABASE_URL: url("bench") };
  const child = spawnSync(process.execPath, [path("../bin/roomctl.js"), ...words], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  if (child.status !== 0) throw new Error(`roomctl ${words.join(" ")} exited with ${child.status}: ${child.stderr}`);
  return performance.now() - startedMs;
}

async function fillDatabase() {
  const admin = await openDatabase(target);
  await admin.execute("CREATE DATABASE bench");
  await admin[Symbol.asyncDispose]();
  const tables = ["messages", "users", "sessions"];
  const app = { name: "bench", states: [], scopes: [{ name: "all", summary: "everything", tables }] };
  writeFileSync(join(folder, "roomctl.config.json"), JSON.stringify({ app }));
  const database = await openDatabase({ ...target, database: "bench" });
  await database.execute(readFileSync(path("backup.sql"), "utf8"));
  await database.execute("CALL fill_bench($1)", [Math.round(millions * 1_000_000)]);
  await database.execute("VACUUM ANALYZE");
  await database[Symbol.asyncDispose]();
  roomctl("config", "mark", "development", "--confirm=bench", "--quiet");
}
