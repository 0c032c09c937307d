import { fileFailure } from "../backup/file-failure.js";
import { listBackups } from "../backup/list.js";
import { type BackupRun, type MetricsUpdate, updateMetricsFile } from "../backup/metrics.js";
import { type PingAddress, parsePingAddress, sendPing } from "../backup/ping.js";
import { type ExitCode, exitCodes, messageOf, type RoomctlError } from "../core/errors.js";
import { redact } from "../core/redact.js";
import { statementFailure } from "../db/failure.js";
import type { CommandContext, Flag, ParsedInput } from "./command.js";

/** Who is told how a run ended: a file for Prometheus, a service that expects to hear of every run. */
export interface Monitoring {
  readonly metrics: string | undefined;
  readonly ping: PingAddress | undefined;
}

export const monitoringFlags: readonly Flag[] = [
  { flags: "--metrics <file>", description: "Prometheus textfile to bring up to date, whatever comes of the run" },
  {
    flags: "--ping <url>",
    description:
      "Check to tell of start, success and failure, as healthchecks.io takes it; better as ROOMCTL_PING, since ps shows it",
  },
];

/** Throws E_USAGE. */
export function parseMonitoring(flags: ParsedInput["flags"]): Monitoring {
  const { metrics, ping } = flags;
  return {
    metrics: typeof metrics === "string" ? metrics : undefined,
    ping: typeof ping === "string" ? parsePingAddress(ping, "--ping") : undefined,
  };
}

/** What of a command's result matters to those who watch. */
export interface RunOutcome {
  readonly exitCode: ExitCode;
  readonly made?: BackupRun["made"];
}

/**
 * Runs `work` and tells the metrics file and the check how it ended, also when it failed before it began. Whoever cannot
 * be told is a warning: no backup fails because of its monitoring.
 */
export async function withMonitoring<T>(
  monitoring: Monitoring,
  context: CommandContext,
  work: () => Promise<T>,
  outcomeOf: (result: T) => RunOutcome,
): Promise<T> {
  const startedMs = context.clock.monotonicMs();
  const started = tellStart(monitoring, context);
  const { database, end } = await runWork(monitoring, context, work);
  const failure = end.isDone ? undefined : statementFailure(context.signal.aborted ? context.signal.reason : end.error);
  const outcome = end.isDone ? outcomeOf(end.result) : { exitCode: failure?.exitCode ?? exitCodes.failed };
  const endedAt = context.clock.now();
  const run = { endedAt, durationMs: context.clock.monotonicMs() - startedMs, ...outcome };
  await writeMetrics(monitoring, context, { database, run });
  await started;
  await tellEnd(monitoring, context, { exitCode: outcome.exitCode, body: failure ? describe(failure) : "" });
  if (!end.isDone) throw end.error;
  return end.result;
}

type End<T> = { readonly isDone: true; readonly result: T } | { readonly isDone: false; readonly error: unknown };

/** Learns the database's name first: a server that cannot be reached has one too. */
async function runWork<T>(
  { metrics }: Monitoring,
  context: CommandContext,
  work: () => Promise<T>,
): Promise<{ readonly database: string | undefined; readonly end: End<T> }> {
  let database: string | undefined;
  try {
    if (metrics !== undefined) database = (await context.resolveTarget()).value.database;
    return { database, end: { isDone: true, result: await work() } };
  } catch (error) {
    return { database, end: { isDone: false, error } };
  }
}

async function writeMetrics(
  { metrics }: Monitoring,
  context: CommandContext,
  update: Pick<MetricsUpdate, "database" | "run">,
): Promise<void> {
  if (metrics === undefined) return;
  const repository = context.settings.backupRepository.value;
  try {
    await updateMetricsFile(metrics, { ...update, repository, backups: await listForMetrics(metrics, context) });
  } catch (error) {
    context.warn(messageOf(error));
  }
}

/** A folder that cannot be listed has no figures; those of this run, most likely its failure, are told all the same. */
async function listForMetrics(metrics: string, context: CommandContext): Promise<MetricsUpdate["backups"]> {
  const repository = context.settings.backupRepository.value;
  try {
    return (await listBackups(repository)).backups;
  } catch (error) {
    const why = messageOf(fileFailure(error, repository));
    context.warn(`figures of the backups in ${metrics} stay as they were: ${why}`);
    return undefined;
  }
}

/** Not waited for before the work: a service that does not answer must not hold up a backup. */
async function tellStart({ ping }: Monitoring, { signal, warn }: CommandContext): Promise<void> {
  const trouble = ping && (await sendPing(ping, { kind: "start" }, { signal }));
  if (trouble !== undefined) warn(trouble);
}

async function tellEnd(
  { ping }: Monitoring,
  { signal, warn }: CommandContext,
  { exitCode, body }: { readonly exitCode: ExitCode; readonly body: string },
): Promise<void> {
  // A process that was told to end has little time.
  const patience = signal.aborted ? { attempts: 1, timeoutMs: 3000 } : {};
  const trouble = ping && (await sendPing(ping, { kind: "end", exitCode, body }, patience));
  if (trouble !== undefined) warn(trouble);
}

/** For whoever reads the failure in the watching service: what a log would say, without secrets. */
function describe(failure: RoomctlError): string {
  const why = failure.cause === undefined ? "" : `\n${messageOf(failure.cause)}`;
  return redact(`${failure.code}: ${failure.message}${why}`).slice(0, 1000);
}
