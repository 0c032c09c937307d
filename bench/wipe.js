// What a wipe costs beyond the server's own work, on 200 tables: the plan less its counting, and the deletion against the
// same statements in psql (no backup, no guards). Ratios of one run; medians of interleaved rounds.
// usage: node bench/wipe.js [millions of rows] [rounds]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../dist/core/clock.js";
import { binariesIn } from "../dist/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../dist/db/embedded.js";
import { openDatabase } from "../dist/db/pool.js";
import { applyWipe } from "../dist/wipe/apply.js";
import { estimateWipe } from "../dist/wipe/estimate.js";
import { planWipe } from "../dist/wipe/plan.js";

const millions = Number(process.argv[2] ?? 10);
const rounds = Number(process.argv[3] ?? 3);
const tableCount = 200;
const binaries = process.env.PG_BIN ?? "/usr/lib/postgresql/15/bin";
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

const tables = Array.from({ length: tableCount }, (_, index) => `t${index}`);
const scopes = [{ name: "all", summary: "everything", tables }];
const names = { scopes: ["all"], tables: [] };

const folder = mkdtempSync(join(tmpdir(), "roomctl-bench-wipe-"));
const options = {
  directory: join(folder, "server"),
  binaries: binariesIn(binaries),
  settings: { shared_buffers: "256MB", max_wal_size: "4GB", checkpoint_timeout: "30min", autovacuum: "off" },
};
const { target } = await startEmbedded(options);
try {
  await fill();
  await benchPlan();
  await benchDeletion();
} finally {
  await destroyEmbedded(options);
  rmSync(folder, { recursive: true, force: true });
}

/** Half of the rows lie in one table; every table refers to the one before it. */
async function fill() {
  await inDatabase("postgres", (database) => database.execute("CREATE DATABASE filled"));
  await inDatabase("filled", async (database) => {
    const rest = Math.round((millions * 500_000) / (tableCount - 1));
    for (const [index, table] of tables.entries()) {
      const parent = index === 0 ? "" : `, parent bigint REFERENCES t${index - 1}`;
      const rows = index === tableCount - 1 ? Math.round(millions * 500_000) : rest;
      await database.execute(
        `CREATE TABLE ${table} (id bigserial PRIMARY KEY, note text, made_at timestamptz NOT NULL DEFAULT now()${parent});
         INSERT INTO ${table} (note) SELECT 'note ' || g FROM generate_series(1, ${rows}) AS g`,
      );
    }
    await database.execute("VACUUM ANALYZE");
    const [row] = await database.query("SELECT version(), pg_database_size('filled')::float8 AS bytes");
    console.log(
      `node ${process.version}, ${row.version.split(" on ")[0]}, ${tableCount} tables, ${millions} million rows, ${(row.bytes / 1e6).toFixed(0)} MB, median of ${rounds} rounds`,
    );
  });
}

async function benchPlan() {
  const statements = [];
  const onStatement = (sql) => statements.push(sql);
  await inDatabase("filled", (database) => planWipe(database, scopes, names), { onStatement });
  const counts = statements.filter((sql) => sql.startsWith("SELECT count(*) AS rows"));
  const bare = counts.map((sql) => sql.replace(/^SELECT .* FROM/, "SELECT count(*) FROM"));
  const samples = { plan: [], counts: [], bare: [], estimate: [] };
  for (let round = 0; round < rounds; round += 1) {
    samples.plan.push(await timed("filled", (database) => planWipe(database, scopes, names)));
    samples.counts.push(await timed("filled", (database) => runAll(database, counts)));
    samples.bare.push(await timed("filled", (database) => runAll(database, bare)));
    samples.estimate.push(await timed("filled", (database) => estimateWipe(database, scopes, names)));
  }
  const of = Object.fromEntries(Object.entries(samples).map(([name, taken]) => [name, median(taken)]));
  console.log(`plan ${seconds(of.plan)}; its ${counts.length} counts by plain pg ${seconds(of.counts)}`);
  console.log(`the plan takes ${seconds(of.plan - of.counts)} beyond its counting (wanted: <= 2 s)`);
  console.log(
    `the plan takes ${seconds(of.plan - of.bare)} beyond count(*) alone, ${seconds(of.bare)}: marks and last writes included (wanted: <= 2 s)`,
  );
  console.log(`estimate ${seconds(of.estimate)} (wanted: <= 2 s)`);
}

/** Each run has its own copy of the filled database; what is compared is the deletion, from the first lock to COMMIT. */
async function benchDeletion() {
  const samples = { roomctl: [], psql: [] };
  for (let round = 0; round < rounds; round += 1) {
    await withCopy(async (copy) => {
      const statements = [];
      await inDatabase(
        copy,
        async (database) => {
          const plan = await planWipe(database, scopes, names);
          statements.length = 0;
          const startedMs = performance.now();
          await applyWipe(database, plan, { scopes, acceptsCascade: false, clock: systemClock });
          samples.roomctl.push(performance.now() - startedMs);
        },
        { onStatement: (sql) => statements.push(sql) },
      );
      samples.script = scriptOf(statements);
    });
    await withCopy((copy) => {
      const startedMs = performance.now();
      psql(copy, samples.script);
      samples.psql.push(performance.now() - startedMs);
    });
  }
  const [ours, theirs] = [median(samples.roomctl), median(samples.psql)];
  console.log(`wipe ${seconds(ours)}, the same statements in psql ${seconds(theirs)}`);
  console.log(`the wipe takes x${(ours / theirs).toFixed(2)} the time of psql (wanted: <= 1.2)`);
}

/** What the wipe itself asked the server to do: locks, counts, sequences, TRUNCATE, counts. */
function scriptOf(statements) {
  const work = /^(LOCK TABLE|SELECT count\(\*\)|TRUNCATE|ALTER SEQUENCE)/;
  return `BEGIN;\n${statements.filter((sql) => work.test(sql)).join(";\n")};\nCOMMIT;\n`;
}

async function withCopy(work) {
  await inDatabase("postgres", (database) =>
    database.execute("CREATE DATABASE copy TEMPLATE filled STRATEGY file_copy"),
  );
  await work("copy");
  await inDatabase("postgres", (database) => database.execute("DROP DATABASE copy WITH (FORCE)"));
}

async function timed(name, work) {
  let tookMs = 0;
  await inDatabase(name, async (database) => {
    await database.query("SELECT 1");
    const startedMs = performance.now();
    await work(database);
    tookMs = performance.now() - startedMs;
  });
  return tookMs;
}

async function runAll(database, statements) {
  const connection = await database.connect();
  for (const sql of statements) await connection.query(sql);
  await connection[Symbol.asyncDispose]();
}

async function inDatabase(name, work, options = {}) {
  const database = await openDatabase({ ...target, database: name }, options);
  try {
    await work(database);
  } finally {
    await database[Symbol.asyncDispose]();
  }
}

function psql(database, script) {
  const { host, port, user, password } = target;
  const child = spawnSync(
    join(binaries, "psql"),
    ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", database],
    {
      encoding: "utf8",
      input: script,
      env: { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password },
    },
  );
  if (child.status !== 0) throw new Error(`psql exited with ${child.status}: ${child.stderr}`);
}
