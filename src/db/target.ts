import { readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { parse as parseIni } from "ini";
import { parse as parseUrl } from "pg-connection-string";
import { messageOf, RoomctlError } from "../core/errors.js";

/**
 * Where a database is and how to reach it: what libpq would make of a URL, the PG* variables and a service file.
 * The password may be absent: `pg` then asks PGPASSFILE or ~/.pgpass, as libpq does.
 */
export interface DatabaseTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password?: string;
  readonly sslMode: SslMode;
  readonly sslRootCert?: string;
  readonly sslCert?: string;
  readonly sslKey?: string;
  readonly connectTimeoutMs: number;
  /** Server settings to start with (`options` of libpq). */
  readonly options?: string;
}

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

type Environment = Readonly<Record<string, string | undefined>>;
type Parameters = Record<string, string | undefined>;

/** Reads a connection URL, `service=NAME` or `@NAME`; what it leaves out comes from `environment`'s PG* variables. */
export function parseTarget(text: string, environment: Environment): DatabaseTarget {
  const service = /^(?:@|service=)(.+)$/.exec(text)?.[1];
  if (service !== undefined) return complete(readService(service, environment), environment);
  return complete(readUrl(text), environment);
}

/** The target that PG* variables alone describe, or undefined when none of those that name a database is set. */
export function targetFromEnvironment(environment: Environment): DatabaseTarget | undefined {
  if (environment["PGSERVICE"]) return complete(readService(environment["PGSERVICE"], environment), environment);
  const names = ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGPORT", "PGUSER"];
  return names.some((name) => environment[name]) ? complete({}, environment) : undefined;
}

/** `postgresql://user@host:port/database`, without the password: for people, logs and JSON. */
export function formatTarget({ user, host, port, database }: DatabaseTarget): string {
  const part = encodeURIComponent;
  if (host.startsWith("/")) return `postgresql://${part(user)}@/${part(database)}?host=${part(host)}&port=${port}`;
  return `postgresql://${part(user)}@${host.includes(":") ? `[${host}]` : host}:${port}/${part(database)}`;
}

function readUrl(text: string): Parameters {
  const hint = "write it as postgresql://user@host:5432/database";
  if (!/^(postgres|postgresql|socket):\/\//.test(text)) {
    throw new RoomctlError("E_CONFIG", "the database URL does not begin with postgresql://", { hint });
  }
  try {
    // `useLibpqCompat` keeps sslmode as text for us to judge instead of pg's own, stricter reading of it.
    const parsed: Record<string, unknown> = { ...parseUrl(stripSsl(text)) };
    const parameters: Parameters = {};
    for (const [key, value] of Object.entries(parsed)) {
      if (typeof value === "string" && value !== "") parameters[key] = value;
    }
    return { ...parameters, dbname: databaseOf(text) ?? parameters["database"], ...sslParameters(text) };
  } catch (error) {
    if (error instanceof RoomctlError) throw error;
    // The parser's own message may carry the URL, and with it the password.
    throw new RoomctlError("E_CONFIG", "the database URL cannot be read", { hint });
  }
}

/** pg-connection-string decodes the path as a whole URI and so leaves `%3B`, `%2F` and their like as they are. */
function databaseOf(text: string): string | undefined {
  const path = /^[a-z]+:\/\/[^/?#]*\/([^?#]+)/.exec(text)?.[1];
  return path === undefined ? undefined : decodeURIComponent(path);
}

const sslKeys = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

function stripSsl(text: string): string {
  return text.replace(/([?&])(?:sslmode|sslrootcert|sslcert|sslkey)=[^&]*/g, "$1").replace(/[?&]+$/, "");
}

function sslParameters(text: string): Parameters {
  const query = new URLSearchParams(text.slice(text.indexOf("?") + 1));
  return Object.fromEntries(sslKeys.filter((key) => query.get(key)).map((key) => [key, query.get(key) ?? undefined]));
}

function readService(name: string, environment: Environment): Parameters {
  const path = environment["PGSERVICEFILE"] ?? join(environment["HOME"] ?? homedir(), ".pg_service.conf");
  let sections: Record<string, unknown>;
  try {
    sections = parseIni(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new RoomctlError("E_CONFIG", `cannot read the service file ${path}: ${messageOf(cause)}`, {
      hint: "set PGSERVICEFILE, or give a URL with --database-url",
      cause,
    });
  }
  const section = sections[name];
  if (typeof section !== "object" || section === null) {
    throw new RoomctlError("E_CONFIG", `no service ${JSON.stringify(name)} in ${path}`, {
      hint: `add a section [${name}] to it, or give a URL with --database-url`,
    });
  }
  return Object.fromEntries(Object.entries(section).map(([key, value]) => [key, String(value)]));
}

function complete(given: Parameters, environment: Environment): DatabaseTarget {
  const user = given["user"] ?? environment["PGUSER"] ?? userInfo().username;
  return {
    host: given["host"] ?? given["hostaddr"] ?? environment["PGHOST"] ?? environment["PGHOSTADDR"] ?? "localhost",
    port: readNumber("port", given["port"] ?? environment["PGPORT"], 5432),
    database: given["dbname"] ?? environment["PGDATABASE"] ?? user,
    user,
    password: given["password"] ?? environment["PGPASSWORD"],
    sslMode: readSslMode(given["sslmode"] ?? environment["PGSSLMODE"]),
    sslRootCert: given["sslrootcert"] ?? environment["PGSSLROOTCERT"],
    sslCert: given["sslcert"] ?? environment["PGSSLCERT"],
    sslKey: given["sslkey"] ?? environment["PGSSLKEY"],
    connectTimeoutMs:
      readNumber("connect_timeout", given["connect_timeout"] ?? environment["PGCONNECT_TIMEOUT"], 10) * 1000,
    options: given["options"] ?? environment["PGOPTIONS"],
  };
}

function readNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 65_536) return value;
  throw new RoomctlError("E_CONFIG", `${name} of the database is not a number: ${JSON.stringify(text)}`);
}

function readSslMode(text: string | undefined): SslMode {
  const mode = sslModes.find((candidate) => candidate === (text ?? "prefer"));
  if (mode) return mode;
  throw new RoomctlError("E_CONFIG", `unknown sslmode ${JSON.stringify(text)}`, {
    hint: `use one of ${sslModes.join(", ")}`,
  });
}
