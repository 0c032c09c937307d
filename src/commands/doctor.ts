import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { listBackups } from "../backup/list.js";
import { formatDuration } from "../core/duration.js";
import { exitCodes, messageOf, RoomctlError } from "../core/errors.js";
import { statementFailure } from "../db/failure.js";
import { readMarker } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import { isBehindPooler } from "../db/pooler.js";
import { loadStatement } from "../db/statement.js";
import { readMigrationStatus } from "../migrate/status.js";
import type { Style } from "../report/style.js";
import { plural } from "../report/text.js";
import { type CommandContext, defineCommand } from "./command.js";

interface Check {
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

export const doctor = defineCommand<object, { readonly checks: readonly Check[] }>({
  name: "doctor",
  summary: "Check configuration, connection, rights and schema",
  description: ["Changes nothing. Exit 3 when a check failed; a warning alone is exit 0."],
  flags: [],
  examples: [{ command: "roomctl doctor", explanation: "is everything in place?" }],
  parse: () => ({}),
  async run(_options, context) {
    const checks = [checkConfiguration(context), ...(await checkDatabase(context)), await checkBackups(context)];
    return { checks };
  },
  render: ({ checks }, style) => checks.flatMap((check) => checkLines(check, style)),
  exitCode: ({ checks }) => (checks.some(({ status }) => status === "failed") ? exitCodes.findings : exitCodes.ok),
});

function checkConfiguration({ app, configPath }: CommandContext): Check {
  return {
    name: "configuration",
    status: "ok",
    detail: `${configPath ?? "no file"}: ${app.name}, Node ${process.version}`,
  };
}

async function checkDatabase(context: CommandContext): Promise<readonly Check[]> {
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
          hint: "point --database-url at PostgreSQL itself",
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

async function checkBackups({ settings, clock }: CommandContext): Promise<Check> {
  const repository = settings.backupRepository.value;
  if (!existsSync(repository)) return checkWritable(repository);
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
  try {
    accessSync(folder, constants.W_OK);
    return {
      name: "backups",
      status: "warning",
      detail: `none yet; they would go to ${repository}`,
      hint: "roomctl backup create",
    };
  } catch (error) {
    return {
      name: "backups",
      status: "failed",
      detail: messageOf(error),
      hint: "choose another folder with ROOMCTL_REPO",
    };
  }
}

function describe(error: RoomctlError): string {
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}

function checkLines({ name, status, detail, hint }: Check, style: Style): string[] {
  const sign = { ok: style.good("ok     "), warning: style.warning("warning"), failed: style.bad("failed ") }[status];
  return [
    `${sign}  ${name.padEnd(14)}${detail}`,
    ...(hint && status !== "ok" ? [`         ${" ".repeat(14)}next: ${hint}`] : []),
  ];
}
