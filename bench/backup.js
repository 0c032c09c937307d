// Backup, verification and restore against pg_dump and pg_restore of the same major: interleaved rounds in one run,
// medians and ratios, with the CPU time of clients and server. One table holds nine tenths of the data.
// usage: node bench/backup.js [rounds] [millions of messages]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { binariesIn } from "../dist/db/binaries.js";
import { destroyEmbedded, startEmbedded } from "../dist/db/embedded.js";
import { openDatabase } from "../dist/db/pool.js";

const rounds = Number(process.argv[2] ?? 5);
const millions = Number(process.argv[3] ?? 4);
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const roomctl = `${process.execPath} --require ${path("report-memory.cjs")} ${path("../bin/roomctl.js")}`;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

const folder = mkdtempSync(join(tmpdir(), "roomctl-bench-backup-"));
// pg_dump has to be of the server's major: the system's server, where this machine has one.
const options = {
  directory: join(folder, "server"),
  binaries: binariesIn(process.env.PG_BIN ?? "/usr/lib/postgresql/15/bin"),
  settings: { shared_buffers: "256MB", max_wal_size: "4GB", checkpoint_timeout: "30min", autovacuum: "off" },
};
const { target, dataDirectory } = await startEmbedded(options);
try {
  await run();
} finally {
  await destroyEmbedded(options);
  rmSync(folder, { recursive: true, force: true });
}

async function run() {
  await fillDatabase();
  const repo = (name) => join(folder, name);
  const dumps = {
    zstd: repo("zstd"),
    none: repo("none"),
    directory: join(folder, "pg-d"),
    raw: join(folder, "pg-raw"),
  };
  const piped = join(folder, "pg.zst");
  const create = (name, compress) =>
    `rm -rf ${dumps[name]} && ${roomctl} backup create --quiet --repo ${dumps[name]} --compress ${compress}`;
  const results = interleave({
    "roomctl backup create": create("zstd", "zstd"),
    "pg_dump -Fd -j2": `rm -rf ${dumps.directory} && pg_dump -Fd -j2 -f ${dumps.directory} bench`,
    "pg_dump -Fc -Z0 | zstd -3 -T2": `pg_dump -Fc -Z0 bench | zstd -3 -T2 -q -f -o ${piped}`,
    "roomctl backup create --compress none": create("none", "none"),
    "pg_dump -Fd -j2 -Z0": `rm -rf ${dumps.raw} && pg_dump -Fd -j2 -Z0 -f ${dumps.raw} bench`,
    "roomctl backup verify": `${roomctl} backup verify latest --quiet --repo ${dumps.zstd}`,
  });
  const size = (place) => `${(bytesIn(place) / 1e6).toFixed(0)} MB`;
  console.log(
    `stored: roomctl ${size(dumps.zstd)}, pg_dump -Fd ${size(dumps.directory)}, pg_dump | zstd ${size(piped)}`,
  );
  ratio(results, "pg_dump -Fd -j2", "roomctl backup create", ">= 3.5");
  ratio(results, "pg_dump -Fc -Z0 | zstd -3 -T2", "roomctl backup create", ">= 1.25");
  ratio(results, "pg_dump -Fd -j2 -Z0", "roomctl backup create --compress none", ">= 0.8");
  ratio(results, "roomctl backup create", "roomctl backup verify", ">= 3");
  rmSync(dumps.none, { recursive: true });
  rmSync(dumps.raw, { recursive: true });
  const emptied = "dropdb --if-exists --force restored";
  const restored = interleave({
    "roomctl backup restore": {
      before: emptied,
      command: `${roomctl} backup restore latest --json --jobs 2 --repo ${dumps.zstd} --new-database restored`,
    },
    "pg_restore -j2": {
      before: emptied,
      command: `createdb restored && pg_restore -j2 -d restored ${dumps.directory}`,
    },
    "pg_restore -j2 --section=data": {
      before: `${emptied} && createdb restored && pg_restore --section=pre-data -d restored ${dumps.directory}`,
      command: `pg_restore -j2 --section=data -d restored ${dumps.directory}`,
    },
  });
  ratio(restored, "pg_restore -j2", "roomctl backup restore", ">= 1.5");
  ratio(restored, "pg_restore -j2 --section=data", "roomctl backup restore: rows", ">= 1.5");
}

/**
 * Runs each command once a round, in turn; prints medians of wall time, CPU of client and server, and peak memory; and of
 * the phases of a restore, where a command reports them. `before` is not measured. Returns the medians of wall time.
 */
function interleave(commands) {
  const samples = new Map(Object.keys(commands).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, task] of Object.entries(commands)) {
      const { before = "true", command } = typeof task === "string" ? { command: task } : task;
      shell(before);
      samples.get(name).push(measure(command));
    }
  }
  console.log(`${"median of ".concat(rounds, " rounds").padEnd(40)}wall s   client CPU s   server CPU s   peak RSS MB`);
  const medians = new Map();
  for (const [name, taken] of samples) {
    const of = (key) => median(taken.map((sample) => sample[key]));
    medians.set(name, of("wallMs"));
    const memory = of("memoryMb");
    const cells = [of("wallMs") / 1000, of("clientMs") / 1000, of("serverMs") / 1000].map((value) => value.toFixed(2));
    console.log(
      `${name.padEnd(40)}${cells[0].padStart(6)}${cells[1].padStart(15)}${cells[2].padStart(15)}${(memory ? memory.toFixed(0) : "–").padStart(14)}`,
    );
    for (const phase of Object.keys(taken[0].phasesMs)) {
      const phaseMs = median(taken.map(({ phasesMs }) => phasesMs[phase]));
      medians.set(`${name}: ${phase}`, phaseMs);
      console.log(`${`  ${phase}`.padEnd(40)}${(phaseMs / 1000).toFixed(2).padStart(6)}`);
    }
  }
  return medians;
}

function ratio(medians, theirs, ours, wanted) {
  console.log(
    `${ours} is x${(medians.get(theirs) / medians.get(ours)).toFixed(2)} as fast as ${theirs} (wanted: ${wanted})`,
  );
}

function measure(command) {
  const serverBefore = serverCpuMs();
  const startedMs = performance.now();
  const { stderr: said, stdout } = shell(`${command}\ntimes >&2`);
  const wallMs = performance.now() - startedMs;
  const [, children = ""] = said.trim().split("\n").slice(-2);
  const clientMs = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + (m * 60 + Number(s)) * 1000,
    0,
  );
  const memoryMb = Number(/^peak-rss-kb (\d+)$/m.exec(said)?.[1] ?? 0) / 1024;
  return { wallMs, clientMs, serverMs: serverCpuMs() - serverBefore, memoryMb, phasesMs: phasesOf(stdout) };
}

/** Duration of each phase by its name, of a restore that says it as JSON. */
function phasesOf(stdout) {
  if (!stdout.startsWith("{")) return {};
  const { phases } = JSON.parse(stdout).receipt;
  return Object.fromEntries(phases.map(({ name, durationMs }) => [name, durationMs]));
}

/** Of sessions that have ended: the postmaster has waited for them. */
function serverCpuMs() {
  const pid = readFileSync(join(dataDirectory, "postmaster.pid"), "utf8").split("\n")[0];
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

function shell(command) {
  const { host, port, user, password } = target;
  const child = spawnSync("bash", ["-o", "pipefail", "-ec", command], {
    encoding: "utf8",
    env: {
      ...process.env,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: "bench",
      ROOMCTL_DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/bench`,
    },
  });
  if (child.status !== 0) throw new Error(`${command} exited with ${child.status}: ${child.stderr}`);
  return child;
}

function bytesIn(place) {
  if (statSync(place).isFile()) return statSync(place).size;
  return readdirSync(place).reduce((sum, name) => sum + bytesIn(join(place, name)), 0);
}

async function fillDatabase() {
  const admin = await openDatabase(target);
  await admin.execute("CREATE DATABASE bench");
  await admin[Symbol.asyncDispose]();
  const database = await openDatabase({ ...target, database: "bench" });
  await database.execute(readFileSync(path("backup.sql"), "utf8"));
  await database.execute("CALL fill_bench($1)", [Math.round(millions * 1_000_000)]);
  await database.execute("VACUUM ANALYZE");
  const [row] = await database.query(
    "SELECT version(), sum(pg_table_size(oid))::bigint AS bytes FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
  );
  console.log(
    `node ${process.version}, ${row.version.split(" on ")[0]}, tables of ${(Number(row.bytes) / 1e6).toFixed(0)} MB`,
  );
  await database[Symbol.asyncDispose]();
}
