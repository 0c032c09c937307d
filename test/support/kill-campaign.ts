import { EventEmitter, once } from "node:events";
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
  /** How many runs are killed at work. One that ends before its kill arrives is a round too many, and another is made. */
  readonly kills: number;
  readonly seed: number;
  readonly server?: ServerName;
}

export interface CampaignResult {
  readonly expected: Outcome;
  /** One per round, with the moment of its kill. */
  readonly rounds: readonly Round[];
}

interface Round {
  readonly moment: Moment;
  readonly wasKilled: boolean;
  readonly outcome: Outcome;
}

/** By what the process says of itself, so that it is the same on a slow machine: after so many statements, and a while. */
interface Moment {
  readonly statementsDone: number;
  readonly thenMs: number;
}

/**
 * Kills `roomctl migrate` with SIGKILL at random moments of a run over a mixed folder, lets the next run finish, and
 * returns what each round ended in beside what a run that nobody kills ends in. Throws when too few runs could be killed.
 */
export async function runKillCampaign({ kills, seed, server }: Campaign): Promise<CampaignResult> {
  const random = randomNumbers(seed);
  using folder = createMigrationFolder(mixedFolder);
  const words = ["migrate", "--dir", folder.directory, "--verbose"];
  const { outcome: expected, doneMs } = await timeWhole(words, server);
  const rounds: Round[] = [];
  while (rounds.filter(({ wasKilled }) => wasKilled).length < kills) {
    if (rounds.length === 4 * kills) throw new Error(`of ${rounds.length} runs too many ended before they were killed`);
    rounds.push(await runRound(words, momentOf(doneMs, random()), server));
  }
  return { expected, rounds };
}

interface Whole {
  /** When each of its statements was done. */
  readonly doneMs: readonly number[];
  readonly outcome: Outcome;
}

async function timeWhole(words: readonly string[], server: ServerName | undefined): Promise<Whole> {
  await using scratch = await createScratchDatabase({ server });
  const doneMs: number[] = [];
  const { status, stderr } = await runRoomctl(words, {
    databaseUrl: scratch.url,
    onErrorLine: (line) => {
      if (isStatement(line)) doneMs.push(performance.now());
    },
  });
  if (status !== 5) throw new Error(`the last migration should fail, the others not: exit ${status}\n${stderr}`);
  await using database = await scratch.open();
  return { doneMs, outcome: await readOutcome(database) };
}

/** A line of `--verbose`. */
function isStatement(line: string): boolean {
  return line.startsWith("{") && line.includes('"msg":"statement"');
}

/** Any moment between the first statement and the last one is as likely as another. */
function momentOf(doneMs: readonly number[], part: number): Moment {
  const [firstMs = 0, lastMs = 0] = [doneMs[0], doneMs.at(-1)];
  const atMs = firstMs + part * (lastMs - firstMs);
  const earlier = doneMs.filter((oneMs) => oneMs <= atMs);
  return { statementsDone: earlier.length, thenMs: Math.round(atMs - (earlier.at(-1) ?? firstMs)) };
}

async function runRound(words: readonly string[], moment: Moment, server: ServerName | undefined): Promise<Round> {
  await using scratch = await createScratchDatabase({ server });
  const reached = new EventEmitter<{ moment: [] }>();
  let statementsDone = 0;
  const killed = await runRoomctl(words, {
    databaseUrl: scratch.url,
    signal: { name: "SIGKILL", after: once(reached, "moment") },
    onErrorLine: (line) => {
      if (!isStatement(line)) return;
      statementsDone += 1;
      if (statementsDone === moment.statementsDone) setTimeout(() => reached.emit("moment"), moment.thenMs);
    },
  });
  const next = await runRoomctl(words, { databaseUrl: scratch.url });
  // Partly done, or failed where the last migration alone was left.
  if (next.status !== 5 && next.status !== 1)
    throw new Error(`the run after ${JSON.stringify(moment)}: exit ${next.status}\n${next.stderr}`);
  await using database = await scratch.open();
  return { moment, wasKilled: killed.signal === "SIGKILL", outcome: await readOutcome(database) };
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
