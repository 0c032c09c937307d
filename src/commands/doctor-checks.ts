import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { listBackups } from "../backup/list.js";
import type { Clock } from "../core/clock.js";
import { formatDuration } from "../core/duration.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { statementFailure } from "../db/failure.js";
import { readMarker } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import { isBehindPooler } from "../db/pooler.js";
import { loadStatement } from "../db/statement.js";
import { readMigrationStatus } from "../migrate/status.js";
import { plural } from "../report/text.js";
import type { CommandContext } from "./command.js";

/** One thing that doctor looked at. */
export interface Check {
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  readonly hint?: string;
}

interface ServerFacts {
  readonly version: string;
  readonly role: string;
  readonly usesTls: boolean;
  readonly isReadOnly: boolean;
  readonly mayCreate: boolean;
  readonly clockSkewMs: number;
}

/** Reaches the database and looks at it; what cannot be reached is a failed check, not an error. */
export async function checkDatabase(context: CommandContext): Promise<readonly Check[]> {
  try {
    const { origin } = await context.resolveTarget();
    await using database = await context.openDatabase();
    const connection: Check = { name: "connection", status: "ok", detail: `${database.url} (from ${origin})` };
    return [
      connection,
      ...(await checkServer(database)),
      await checkMarker(database),
      await checkMigrations(database, context),
    ];
  } catch (cause) {
    context.signal.throwIfAborted();
    const error = statementFailure(cause);
    return [{ name: "connection", status: "failed", detail: describe(error), hint: error.hint }];
  }
}

async function checkServer(database: Database): Promise<readonly Check[]> {
  await using connection = await database.connect();
  const isPooled = await isBehindPooler(connection);
  const [facts] = await connection.query<ServerFacts>(loadStatement("doctor/server"), [new Date()]);
  if (!facts) throw new RoomctlError("E_INTERNAL", "the server said nothing about itself");
  const { version, role, usesTls, isReadOnly, mayCreate, clockSkewMs } = facts;
  const isLate = Math.abs(clockSkewMs) > 2000;
  return [
    { name: "server", status: "ok", detail: `PostgreSQL ${version}, role ${role}, ${usesTls ? "TLS" : "no TLS"}` },
    isPooled
      ? {
          name: "pooler",
          status: "failed",
          detail: "a pooler stands in between",
          hint: "give PostgreSQL's own address with --direct-url or ROOMCTL_DIRECT_URL",
        }
      : { name: "pooler", status: "ok", detail: "none: the session is the server's own" },
    isReadOnly
      ? { name: "writes", status: "failed", detail: "the server is read-only", hint: "connect to the primary" }
      : { name: "writes", status: "ok", detail: "the server takes writes" },
    mayCreate
      ? { name: "rights", status: "ok", detail: "the role may create schemas" }
      : {
          name: "rights",
          status: "warning",
          detail: "the role may not create schemas",
          hint: `GRANT CREATE ON DATABASE … TO ${role}`,
        },
    isLate
      ? {
          name: "clock",
          status: "warning",
          detail: `this machine and the server differ by ${formatDuration(Math.abs(clockSkewMs))}`,
          hint: "check both clocks",
        }
      : { name: "clock", status: "ok", detail: "this machine and the server agree" },
  ];
}

async function checkMarker(database: Database): Promise<Check> {
  const marker = await readMarker(database);
  if (marker) return { name: "marker", status: "ok", detail: `this database is marked ${marker.environment}` };
  return { name: "marker", status: "ok", detail: "this database is not marked: destructive commands ask for its name" };
}

async function checkMigrations(database: Database, { settings }: CommandContext): Promise<Check> {
  try {
    const { appliedCount, pendingCount, findings } = await readMigrationStatus(
      database,
      settings.migrationsDirectory.value,
    );
    const detail = `${appliedCount} applied, ${pendingCount} pending`;
    const [finding] = findings;
    if (finding) return { name: "migrations", status: "failed", detail: finding.message, hint: finding.hint };
    if (pendingCount > 0) return { name: "migrations", status: "warning", detail, hint: "roomctl migrate" };
    return { name: "migrations", status: "ok", detail };
  } catch (error) {
    if (!(error instanceof RoomctlError)) throw error;
    return { name: "migrations", status: "failed", detail: describe(error), hint: error.hint };
  }
}

/** Whether there is a whole, undamaged backup and how old it is. */
export async function checkBackups(context: CommandContext): Promise<Check> {
  const repository = context.settings.backupRepository.value;
  try {
    return existsSync(repository) ? await checkNewest(repository, context.clock) : checkWritable(repository);
  } catch (cause) {
    return { name: "backups", status: "failed", detail: describe(statementFailure(cause)), hint: otherFolder };
  }
}

const otherFolder = "choose another folder with ROOMCTL_REPO";

async function checkNewest(repository: string, clock: Clock): Promise<Check> {
  const { backups } = await listBackups(repository);
  const newest = backups.find(({ state, isWhole }) => state === "complete" && isWhole);
  const damaged = backups.filter(({ state }) => state === "damaged");
  if (damaged[0]) {
    return {
      name: "backups",
      status: "failed",
      detail: `${plural(damaged.length, "backup")} damaged in ${repository}`,
      hint: `roomctl backup verify ${damaged[0].id}`,
    };
  }
  if (!newest?.createdAt)
    return {
      name: "backups",
      status: "warning",
      detail: `no whole backup in ${repository}`,
      hint: "roomctl backup create",
    };
  const age = formatDuration(clock.now().getTime() - Date.parse(newest.createdAt));
  return { name: "backups", status: "ok", detail: `the newest of ${backups.length} is ${age} old` };
}

function checkWritable(repository: string): Check {
  let folder = repository;
  while (!existsSync(folder)) folder = dirname(folder);
  accessSync(folder, constants.W_OK);
  const detail = `none yet; they would go to ${repository}`;
  return { name: "backups", status: "warning", detail, hint: "roomctl backup create" };
}

function describe(error: RoomctlError): string {
  const why = error.cause === undefined ? "" : messageOf(error.cause);
  return error.message.includes(why) ? error.message : `${error.message}: ${why}`;
}
