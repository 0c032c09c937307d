import type { Database } from "../../src/db/pool.js";
import { readSchemaSnapshot, schemaFingerprint } from "../../src/db/snapshot.js";
import { runRoomctl } from "./cli.js";
import { createMigrationFolder } from "./migrations.js";
import { createScratchDatabase, type ServerName } from "./postgres.js";

/** Every way in which a migration can run and end: in a transaction, outside of one, concurrently, and failing. */
const mixedFolder = {
  "0001_tables.up.sql":
    "CREATE TABLE a (n int, m int); INSERT INTO a SELECT g, g % 7 FROM generate_series(1, 60000) AS g; CREATE TABLE log (step text)",
  "0002_index.up.sql": "CREATE INDEX CONCURRENTLY a_n ON a (n)",
  "0003_steps.up.sql": `-- roomctl:no-transaction
CREATE TABLE b (n int);
INSERT INTO log VALUES ('one');
CREATE INDEX CONCURRENTLY ON a (m, n);
INSERT INTO log VALUES ('two');
REINDEX INDEX CONCURRENTLY a_n;
VACUUM a;
DROP INDEX CONCURRENTLY a_m_n_idx;
INSERT INTO log VALUES ('three');`,
  "0004_change.up.sql":
    "ALTER TABLE a ADD COLUMN k int; UPDATE a SET k = n + m; INSERT INTO log VALUES ('four'); ALTER TABLE a ALTER k SET NOT NULL",
  "0005_unique.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n_k ON a (n, k)",
  "0006_fails.up.sql": "CREATE TABLE c (n int);\nCREATE UNIQUE INDEX CONCURRENTLY a_m ON a (m)",
};

interface Outcome {
  readonly fingerprint: string;
  readonly applied: readonly string[];
  readonly invalidIndexes: number;
  /** How often each step of the log ran. */
  readonly log: readonly string[];
}

export interface Campaign {
  readonly rounds: number;
  readonly seed: number;
  readonly server?: ServerName;
}

export interface CampaignResult {
  readonly expected: Outcome;
  /** One per round, with the moment of its kill. */
  readonly rounds: readonly {
    readonly killedAfterMs: number;
    readonly wasKilled: boolean;
    readonly outcome: Outcome;
  }[];
}

/**
 * Kills `roomctl migrate` with SIGKILL at random moments of a run over a mixed folder, lets the next run finish, and
 * returns what each round ended in beside what a run that nobody kills ends in.
 */
export async function runKillCampaign({ rounds, seed, server }: Campaign): Promise<CampaignResult> {
  const random = randomNumbers(seed);
  using folder = createMigrationFolder(mixedFolder);
  const words = ["migrate", "--dir", folder.directory, "--quiet"];
  const results: CampaignResult["rounds"][number][] = [];
  const whole = await timeWhole(words, server);
  for (let round = 0; round < rounds; round += 1) {
    await using scratch = await createScratchDatabase({ server });
    const killedAfterMs = Math.round(whole.startMs + random() * (whole.durationMs - whole.startMs));
    const killed = await runRoomctl(words, {
      databaseUrl: scratch.url,
      signal: { name: "SIGKILL", afterMs: killedAfterMs },
    });
    await runRoomctl(words, { databaseUrl: scratch.url });
    await using database = await scratch.open();
    results.push({ killedAfterMs, wasKilled: killed.signal === "SIGKILL", outcome: await readOutcome(database) });
  }
  return { expected: whole.outcome, rounds: results };
}

interface Whole {
  /** Before this moment nothing of the database is touched. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly outcome: Outcome;
}

async function timeWhole(words: readonly string[], server: ServerName | undefined): Promise<Whole> {
  await using scratch = await createScratchDatabase({ server });
  const startedMs = performance.now();
  const { status, stderr } = await runRoomctl(words, { databaseUrl: scratch.url });
  const durationMs = performance.now() - startedMs;
  if (status !== 5) throw new Error(`the last migration should fail, the others not: exit ${status}\n${stderr}`);
  await using database = await scratch.open();
  return { startMs: durationMs * 0.2, durationMs, outcome: await readOutcome(database) };
}

async function readOutcome(database: Database): Promise<Outcome> {
  const names = await database.query<{ name: string }>("SELECT name FROM roomctl.migrations ORDER BY id");
  const [invalid] = await database.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM pg_index WHERE NOT indisvalid",
  );
  const log = await database.query<{ step: string }>("SELECT step FROM log");
  return {
    fingerprint: schemaFingerprint(await readSchemaSnapshot(database)),
    applied: names.map(({ name }) => name),
    invalidIndexes: invalid?.count ?? -1,
    log: log.map(({ step }) => step).sort(),
  };
}

/** The same numbers between 0 and 1 for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
