import { accessSync, constants, readdirSync, realpathSync } from "node:fs";
import { basename, delimiter, isAbsolute, join } from "node:path";
import { shellWord } from "../core/shell.js";
import { runForOutput } from "./program-output.js";

/** A pg_dump that answered. */
export interface PgDump {
  readonly path: string;
  /** `15.20`, `19devel`. */
  readonly version: string;
  readonly major: number;
  /** What it says of itself: `pg_dump (PostgreSQL) 15.20`. */
  readonly name: string;
}

export interface PgDumpSearch {
  /** The one to use; undefined when none fits the server. */
  readonly program: PgDump | undefined;
  /** Why none fits, naming what was found; empty when one does. */
  readonly reason: string;
  /** How to get one that fits. */
  readonly hint: string;
}

export interface FindOptions {
  /** As in `server_version_num`: 180004 for 18.4. */
  readonly serverVersion: number;
  /** The only one to look at, when the operator named it. */
  readonly given?: string;
  /** The PATH to look into; relative folders of it are left out. */
  readonly searchPath?: string;
  /** Folders that PATH may lack, where `*` stands for any part of one name; those of the usual packages unless told. */
  readonly folders?: readonly string[];
  readonly signal?: AbortSignal;
  /** How long a program may take to tell its version; 5 s unless told. */
  readonly timeoutMs?: number;
}

/** Where packages put the programs of one major version. */
const packageFolders: readonly string[] = [
  "/usr/lib/postgresql/*/bin",
  "/usr/pgsql-*/bin",
  "/usr/libexec/postgresql*",
  "/opt/homebrew/opt/postgresql@*/bin",
  "/opt/homebrew/opt/libpq/bin",
  "/usr/local/opt/postgresql@*/bin",
  "/usr/local/opt/libpq/bin",
  "/usr/local/pgsql/bin",
  "/Applications/Postgres.app/Contents/Versions/*/bin",
];

/**
 * Looks for the pg_dump that fits a server best: the lowest major version that is not below the server's, since pg_dump
 * refuses newer servers and writes the SQL of its own version. That there is none is a result.
 */
export async function findPgDump(options: FindOptions): Promise<PgDumpSearch> {
  const serverMajor = Math.floor(options.serverVersion / 10_000);
  const paths = options.given === undefined ? candidates(options) : [options.given];
  const probes = await Promise.all(paths.map((path) => probe(path, options)));
  const found = probes.flatMap(({ program }) => program ?? []);
  // Sorting is stable: among equals the one that comes first in PATH is used.
  const [program] = found.filter(({ major }) => major >= serverMajor).sort((a, b) => a.major - b.major);
  const hint = installHint(serverMajor);
  if (program) return { program, reason: "", hint };
  return { program, reason: reasonOf(probes, options.serverVersion), hint };
}

function candidates({ searchPath = "", folders = packageFolders }: FindOptions): readonly string[] {
  const inPath = searchPath.split(delimiter).filter((folder) => isAbsolute(folder));
  const paths = [...inPath, ...folders.flatMap(expand)].map((folder) => join(folder, "pg_dump"));
  const byFile = new Map(paths.flatMap((path) => (isProgram(path) ? [[realpathSync(path), path] as const] : [])));
  // Debian's wrapper runs one of the others, and which one depends on what it finds in files and variables.
  return [...byFile].filter(([real]) => basename(real) !== "pg_wrapper").map(([, path]) => path);
}

function expand(pattern: string): readonly string[] {
  const parts = pattern.split("/");
  const index = parts.findIndex((part) => part.includes("*"));
  if (index < 0) return [pattern];
  const parent = parts.slice(0, index).join("/");
  const [before = "", after = ""] = (parts[index] ?? "").split("*");
  const names = namesIn(parent).filter((name) => name.startsWith(before) && name.endsWith(after));
  return names.map((name) => join(parent, name, ...parts.slice(index + 1)));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // Not there on this system, or not for us to see: no pg_dump from there.
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not for us to run.
    return false;
  }
}

interface Probe {
  readonly path: string;
  readonly program?: PgDump;
  readonly problem?: string;
}

async function probe(path: string, { signal, timeoutMs = 5000 }: FindOptions): Promise<Probe> {
  const environment = { LC_ALL: "C", PATH: "/usr/bin:/bin" };
  const { stdout, problem } = await runForOutput(path, ["--version"], {
    environment,
    signal,
    timeoutMs,
    maxBytes: 64 * 1024,
  });
  if (problem !== null) return { path, problem: `does not tell its version (${problem})` };
  const line = stdout.toString("utf8").trim();
  const match = /^pg_dump \([^)\n]*\) ((\d{1,3})(?!\d)\S{0,20})(?: [^\n]*)?$/.exec(line);
  const [, version, major] = match ?? [];
  if (version === undefined || major === undefined) return { path, problem: "is no pg_dump" };
  const name = line.slice(0, line.indexOf(version) + version.length);
  return { path, program: { path, version, major: Number(major), name } };
}

function reasonOf(probes: readonly Probe[], serverVersion: number): string {
  const server = `${Math.floor(serverVersion / 10_000)}.${serverVersion % 10_000}`;
  if (probes.length === 0) return `no pg_dump was found, and the server is ${server}`;
  const found = probes.map(({ path, program, problem }) =>
    program ? `${shellWord(path)} is ${program.version}` : `${shellWord(path)} ${problem}`,
  );
  const isOld = probes.some(({ program }) => program !== undefined);
  const why = isOld ? ": pg_dump refuses newer servers" : "";
  return `${found.join(", ")}, the server is ${server}${why}`;
}

function installHint(major: number): string {
  const packages = [
    `apt-get install postgresql-client-${major}`,
    `dnf install postgresql${major}`,
    `apk add postgresql${major}-client`,
    `brew install postgresql@${major}`,
  ];
  return `install it (${packages.join(", ")}), or name one with --pg-dump PATH`;
}
