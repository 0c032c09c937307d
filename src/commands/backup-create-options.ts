import { availableParallelism } from "node:os";
import { type Compression, codecs } from "../backup/codec.js";
import { parseDurationMs } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import { parseName, type QualifiedName } from "../db/identifier.js";
import { type Monitoring, monitoringFlags, parseMonitoring } from "./backup-monitoring.js";
import { parseSchemaChoice, type SchemaChoice, schemaFlags } from "./backup-schema-options.js";
import type { Flag, ParsedInput } from "./command.js";

export interface BackupCreateOptions {
  readonly tables: readonly QualifiedName[] | undefined;
  readonly note: string | undefined;
  /** Sessions that read at once. */
  readonly jobs: number;
  /** Undefined for the best that this machine has. */
  readonly compression: Compression | undefined;
  readonly jitterMs: number;
  readonly verify: boolean;
  readonly failOnCollapse: boolean;
  readonly monitoring: Monitoring;
  readonly schema: SchemaChoice;
}

export const backupCreateFlags: readonly Flag[] = [
  { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  { flags: "--table <name>", description: "Back up only this table, with its partitions", isRepeatable: true },
  { flags: "--note <text>", description: "A remark to keep with the backup" },
  ...schemaFlags,
  { flags: "--jobs <n>", description: "How many connections read at once (default: one per core, 2 to 4)" },
  {
    flags: "--compress <codec>",
    description: "zstd, zstd:LEVEL (1 to 19), gzip, gzip:LEVEL (1 to 9) or none (default: zstd:3)",
  },
  { flags: "--verify", description: "Read the new backup back at once, so that it counts for retention" },
  {
    flags: "--fail-on-collapse",
    description: "Exit 3 when rows or bytes collapsed since the backup before; otherwise that is a warning",
  },
  { flags: "--jitter <duration>", description: "Wait for a random part of this before the start" },
  ...monitoringFlags,
];

/** Throws E_USAGE. */
export function parseBackupCreate(input: ParsedInput): BackupCreateOptions {
  const { table, note, jobs, compress, verify, failOnCollapse, jitter } = input.flags;
  return {
    tables: parseTables(table),
    note: typeof note === "string" ? note : undefined,
    jobs: parseJobs(jobs),
    compression: typeof compress === "string" ? parseCompression(compress) : undefined,
    jitterMs: typeof jitter === "string" ? parseJitter(jitter) : 0,
    verify: verify === true,
    failOnCollapse: failOnCollapse === true,
    monitoring: parseMonitoring(input.flags),
    schema: parseSchemaChoice(input),
  };
}

/** The tables of a repeatable `--table`; undefined when it was not given. Throws E_USAGE. */
export function parseTables(
  given: string | boolean | readonly string[] | undefined,
): readonly QualifiedName[] | undefined {
  if (given === undefined || typeof given === "boolean") return undefined;
  return [given].flat().map(parseName);
}

const mostJobs = 32;

export function parseJobs(given: ParsedInput["flags"][string]): number {
  if (typeof given !== "string") return Math.min(4, Math.max(2, availableParallelism()));
  const jobs = Number(given);
  if (/^\d+$/.test(given) && jobs >= 1 && jobs <= mostJobs) return jobs;
  throw new RoomctlError("E_USAGE", `--jobs is not a number from 1 to ${mostJobs}: ${JSON.stringify(given)}`, {
    hint: "each one is a connection to the server: roomctl backup create --jobs 4",
  });
}

function parseCompression(given: string): Compression {
  const [, name, digits] = /^([a-z]+)(?::(\d{1,3}))?$/.exec(given) ?? [];
  if (name === "zstd" || name === "gzip" || (name === "none" && digits === undefined)) {
    const { defaultLevel, levels } = codecs[name];
    const level = digits === undefined ? defaultLevel : Number(digits);
    if (level >= levels[0] && level <= levels[1]) return { codec: name, level };
  }
  throw new RoomctlError("E_USAGE", `--compress is no codec of ours: ${JSON.stringify(given)}`, {
    hint: "write zstd, zstd:1 to zstd:19, gzip, gzip:1 to gzip:9, or none",
  });
}

/** Timers hold 31 bits of milliseconds, and a longer wait is no jitter. */
const longestJitterMs = 24 * 3_600_000;

/** Throws E_USAGE. */
export function parseJitter(given: string): number {
  const jitterMs = parseDurationMs(given, "--jitter");
  if (jitterMs <= longestJitterMs) return jitterMs;
  throw new RoomctlError("E_USAGE", `--jitter is longer than a day: ${given}`, {
    hint: "roomctl backup create --jitter 10m",
  });
}
