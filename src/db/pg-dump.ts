import { homedir } from "node:os";
import { RoomctlError } from "../core/errors.js";
import { redact } from "../core/redact.js";
import type { PgDump } from "./pg-dump-find.js";
import { readPgpass } from "./pgpass.js";
import { type ProgramOutput, runForOutput } from "./program-output.js";
import type { DatabaseTarget } from "./target.js";

export interface DumpOptions {
  readonly program: PgDump;
  /** As in `server_version_num`. */
  readonly serverVersion: number;
  /** How long pg_dump waits for a table's lock; 0 for no limit. */
  readonly lockTimeoutMs: number;
  readonly signal?: AbortSignal;
}

/** A schema as two SQL scripts, in UTF-8, that any client can run: psql's own commands are taken out. */
export interface SchemaDump {
  /** Everything that rows need: types, functions, tables, sequences, views. */
  readonly preData: string;
  /** Indexes, constraints, triggers, rules, policies, publications. */
  readonly postData: string;
  /** What pg_dump warned of. */
  readonly warnings: readonly string[];
}

/**
 * Reads the schema of a database with pg_dump: every schema of it, with owners and privileges; no rows, no large objects,
 * nothing of the whole server. The two scripts come from two sessions, so the caller makes sure that the schema did not
 * change meanwhile. Both set an empty search path. Throws E_LOCK_TIMEOUT, E_PRIVILEGE, E_CONNECT, or E_SQL with what
 * pg_dump said.
 */
export async function dumpSchema(target: DatabaseTarget, options: DumpOptions): Promise<SchemaDump> {
  const environment = await environmentOf(target);
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  const dump = async (section: string) => {
    const output = await runForOutput(options.program.path, wordsOf(section, options), { environment, signal });
    try {
      return readScript(output, options);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const [before, after] = await Promise.allSettled([dump("pre-data"), dump("post-data")]);
  options.signal?.throwIfAborted();
  if (before.status === "rejected") throw before.reason;
  if (after.status === "rejected") throw after.reason;
  return {
    preData: before.value.script,
    postData: after.value.script,
    warnings: [...new Set([...before.value.warnings, ...after.value.warnings])],
  };
}

/** No database in argv, where everybody sees it, and where `dbname=…` and `postgresql://…` would be read as more than a name. */
function wordsOf(section: string, { lockTimeoutMs }: DumpOptions): readonly string[] {
  const wait = lockTimeoutMs > 0 ? [`--lock-wait-timeout=${Math.ceil(lockTimeoutMs)}`] : [];
  return ["--schema-only", `--section=${section}`, "--encoding=UTF8", "--no-password", ...wait];
}

/** What libpq needs to reach the same server in the same way, and nothing else of our own environment. */
async function environmentOf(target: DatabaseTarget): Promise<Readonly<Record<string, string>>> {
  const given: Readonly<Record<string, string | undefined>> = {
    PATH: "/usr/bin:/bin",
    LC_ALL: "C",
    // Where libpq looks for root.crt, as we do.
    HOME: homedir(),
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGDATABASE: target.database,
    PGUSER: target.user,
    PGPASSWORD: target.password ?? (await readPgpass(target)),
    PGSSLMODE: target.sslMode,
    PGSSLROOTCERT: target.sslRootCert,
    PGSSLCERT: target.sslCert,
    PGSSLKEY: target.sslKey,
    PGGSSENCMODE: "disable",
    PGCONNECT_TIMEOUT: String(Math.ceil(target.connectTimeoutMs / 1000)),
    // Defaults of type money are written as this setting says, and a restore reads them under C.
    PGOPTIONS: [target.options, "-c lc_monetary=C"].filter(Boolean).join(" "),
    PGAPPNAME: "roomctl/pg_dump",
  };
  const entries = Object.entries(given).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  return Object.fromEntries(entries);
}

/** A command of psql where only comments may stand. */
const startsWithCommand = /^(?:(?:--[^\n]*)?\n)*\\/;

interface Script {
  readonly script: string;
  readonly warnings: readonly string[];
}

function readScript(output: ProgramOutput, options: DumpOptions): Script {
  if (output.problem !== null) throw dumpFailure(output, options);
  const script = withoutUnknownSettings(withoutRestrict(decode(output.stdout)), options.serverVersion);
  // pg_dump says so at the end of every script: one without it was cut off on the way.
  const isComplete = script.trimEnd().endsWith("-- PostgreSQL database dump complete\n--");
  if (!isComplete || startsWithCommand.test(script)) {
    throw dumpFailure({ ...output, problem: "its output is cut short" }, options);
  }
  return { script, warnings: redact(output.stderr).split("\n").filter(Boolean) };
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const { code, what, hint } = notUtf8;
    throw new RoomctlError(code, what, { hint, cause });
  }
}

/**
 * Takes out the pair of psql commands that newer pg_dump puts around a script, `\restrict KEY` … `\unrestrict KEY`. The
 * first can only stand before any statement, the second only after the last one: nothing else is touched.
 */
export function withoutRestrict(script: string): string {
  const [, head, key] = /^((?:(?:--[^\n]*)?\n)*)\\restrict ([A-Za-z0-9]+)\n/.exec(script) ?? [];
  if (head === undefined || key === undefined) return script;
  const body = script.slice(head.length + `\\restrict ${key}\n`.length);
  const [tail, ending = ""] = /\n\\unrestrict ([A-Za-z0-9]+)\n+$/.exec(body) ?? [];
  if (tail === undefined || ending !== key) return script;
  return `${head}${body.slice(0, -tail.length)}\n`;
}

/** A newer pg_dump sets what an older server does not know. Settings stand before the first object's comment. */
function withoutUnknownSettings(script: string, serverVersion: number): string {
  if (serverVersion >= 170_000) return script;
  const headEnd = script.indexOf("\n-- Name: ");
  const head = headEnd < 0 ? script : script.slice(0, headEnd);
  return head.replace(/^SET transaction_timeout = 0;\n/m, "") + script.slice(head.length);
}

function dumpFailure({ stderr, problem }: ProgramOutput, { program }: DumpOptions): RoomctlError {
  const said = redact(stderr) || "it said nothing";
  const { code, what, hint } = explanations.find(({ pattern }) => pattern.test(stderr)) ?? unexplained;
  return new RoomctlError(code, `${what}: ${program.path} (${problem})`, { hint, cause: new Error(said) });
}

const unexplained = {
  code: "E_SQL",
  what: "pg_dump could not read the schema",
  hint: "correct that, or capture the schema in another way: --schema migrations, --schema catalog",
} as const;

/** A database in SQL_ASCII lets it in; one in another encoding may have characters that UTF-8 has not. */
const notUtf8 = {
  pattern: /invalid byte sequence for encoding|has no equivalent in encoding/,
  code: "E_SQL",
  what: "the schema holds text that cannot be written in UTF-8",
  hint: "find names, comments or function bodies with bytes above 127, and convert them",
} as const;

const explanations = [
  notUtf8,
  {
    pattern: /canceling statement due to (statement|lock) timeout/,
    code: "E_LOCK_TIMEOUT",
    what: "pg_dump waited too long for the lock of a table",
    hint: "find the holder in pg_locks and pg_stat_activity, or wait longer with --lock-timeout 30s",
  },
  {
    pattern: /permission denied/,
    code: "E_PRIVILEGE",
    what: "pg_dump may not read everything of the schema",
    hint: "connect as the owner of the objects, or as a member of pg_read_all_data",
  },
  {
    pattern: /connection to server .* failed|could not connect to|could not translate host name/,
    code: "E_CONNECT",
    what: "pg_dump could not connect",
    hint: "check that libpq may log in as roomctl does (pg_hba.conf, certificates), or use --schema migrations",
  },
] as const;
