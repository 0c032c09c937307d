import type { RecoveryDefinition } from "../core/catalogue.js";
import { messageOf } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import type { GuardLook, GuardRequest } from "./guard.js";
import { probeLive } from "./guard-probe.js";

/** How long a statement of the app may take, and wait for a lock. One that does not answer counts as live. */
const longestMs = 3000;
const shownSubjects = 3;

/** Refuses while a server of the app has a heartbeat, a room is live by its row, or the app itself says so. */
export async function lookForLiveRooms(database: Database, request: GuardRequest): Promise<GuardLook> {
  const { rules, recovery, signal } = request;
  const seen = [
    ...(recovery ? [await seeServers(database, recovery, request)] : []),
    ...(rules?.liveStatement === undefined ? [] : [await seeRows(database, rules.liveStatement, request)]),
    ...(rules?.liveUrl === undefined ? [] : [await probeLive(rules.liveUrl, signal)]),
  ];
  const live = seen.filter((words) => words !== undefined);
  if (live.length > 0) {
    return {
      guard: "live-rooms",
      saw: live.join(", "),
      refusal: { cures: ["stop the app's servers, and let their rooms end"], isFinal: false },
    };
  }
  return { guard: "live-rooms", saw: seen.length === 0 ? "no way to ask is configured" : "nothing is live" };
}

interface ServerRow {
  readonly epoch: unknown;
  readonly host: unknown;
  readonly pid: unknown;
  readonly heartbeat_age_seconds: unknown;
}

async function seeServers(
  database: Database,
  { serversStatement, aliveSeconds }: RecoveryDefinition,
  request: GuardRequest,
): Promise<string | undefined> {
  const answer = await ask<ServerRow>(database, serversStatement, request);
  if ("failure" in answer) return `the app's servers could not be asked for: ${answer.failure}`;
  // Not `<`: an age that is no number must not pass for a server that is gone.
  const alive = answer.rows.filter((row) => !(secondsOf(row.heartbeat_age_seconds) >= aliveSeconds));
  if (alive.length === 0) return undefined;
  const words = alive.map(
    ({ epoch, host, pid, heartbeat_age_seconds: age }) =>
      `epoch ${epoch} on ${host}, process ${pid}, heartbeat ${ageWords(age)}`,
  );
  return `${count(alive.length, "server")} of the app ${alive.length === 1 ? "is" : "are"} alive (${shorten(words)})`;
}

/** NaN for an age that nobody knows. */
function secondsOf(age: unknown): number {
  return age === null ? Number.NaN : Number(age);
}

function ageWords(age: unknown): string {
  const seconds = secondsOf(age);
  return Number.isFinite(seconds) ? `${Math.round(seconds)} s ago` : "of unknown age";
}

async function seeRows(database: Database, statement: string, request: GuardRequest): Promise<string | undefined> {
  const answer = await ask<{ readonly subject: unknown }>(database, statement, request);
  if ("failure" in answer) return `live rooms could not be asked for: ${answer.failure}`;
  if (answer.rows.length === 0) return undefined;
  const subjects = answer.rows.map(({ subject }) => String(subject));
  return `${count(subjects.length, "live room")} (${shorten(subjects)})`;
}

type Answer<Row> = { readonly rows: readonly Row[] } | { readonly failure: string };

/** A table that is not there holds nothing that lives. Anything else that goes wrong is a reason to refuse. */
async function ask<Row extends object>(database: Database, name: string, request: GuardRequest): Promise<Answer<Row>> {
  try {
    const sql = loadStatement(name).trimEnd().replace(/;$/, "");
    return await withTransaction(database, { readOnly: true, lockTimeoutMs: longestMs }, async (connection) => {
      await connection.query("SELECT set_config('statement_timeout', $1, true)", [`${longestMs}ms`]);
      const [clock] = await connection.query<{ now: Date }>("SELECT clock_timestamp() AS now");
      const values = /\$1\b/.test(sql) ? [request.now ?? clock?.now] : [];
      return { rows: await connection.query<Row>(sql, values) };
    });
  } catch (error) {
    request.signal?.throwIfAborted();
    if (codeOf(error) === sqlstate.undefinedTable) return { rows: [] };
    return { failure: messageOf(error) };
  }
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function shorten(words: readonly string[]): string {
  const more = words.length - shownSubjects;
  return `${words.slice(0, shownSubjects).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
