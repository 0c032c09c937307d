import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { RoomctlError } from "../core/errors.js";
import { type DatabaseTarget, parseTarget, targetFromEnvironment } from "../db/target.js";
import type { ConfigFile } from "./config.js";
import type { CommandLine } from "./flags.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Which database was chosen and by what: a place, or the embedded server. */
export type DatabaseChoice =
  | {
      readonly kind: "target";
      readonly target: DatabaseTarget;
      readonly origin: string;
      readonly hasTypedPassword: boolean;
    }
  | { readonly kind: "embedded"; readonly origin: string };

export interface DatabaseInputs {
  readonly input: Pick<CommandLine, "flags" | "typed">;
  readonly environment: Environment;
  readonly config: ConfigFile;
  readonly workingDirectory: string;
}

/** flag (--direct-url first) > ROOMCTL_* > configuration > DATABASE_URL > PG* and service file > .env. Undefined when nothing names a database. */
export function chooseDatabase(inputs: DatabaseInputs): DatabaseChoice | undefined {
  const { input, environment, config } = inputs;
  const direct = input.typed.has("directUrl") ? input.flags["directUrl"] : undefined;
  if (typeof direct === "string") return at(direct, "flag --direct-url", environment);
  const url = input.typed.has("databaseUrl") ? input.flags["databaseUrl"] : undefined;
  const isEmbedded = input.typed.has("embedded");
  if (typeof url === "string") {
    if (isEmbedded) throw new RoomctlError("E_USAGE", "--embedded and --database-url exclude each other");
    return at(url, "flag --database-url", environment);
  }
  if (isEmbedded) return { kind: "embedded", origin: "flag --embedded" };
  return (
    fromRoomctlVariables(environment, "") ??
    (config.values["database"] === undefined
      ? undefined
      : at(config.values["database"], `${config.label}: database`, environment)) ??
    fromUsualVariables(environment, "") ??
    fromDotEnv(inputs)
  );
}

/** The error for a command that needs a database when nothing names one: it never invents one. */
export function noDatabase(): RoomctlError {
  return new RoomctlError("E_NO_DATABASE", "no database is configured", {
    hint: "pass --database-url postgresql://user@host/database, set DATABASE_URL, or use --embedded for one of roomctl's own",
  });
}

function fromRoomctlVariables(environment: Environment, prefix: string): DatabaseChoice | undefined {
  const direct = environment["ROOMCTL_DIRECT_URL"];
  if (direct) return at(direct, `${prefix}ROOMCTL_DIRECT_URL`, environment);
  const url = environment["ROOMCTL_DATABASE_URL"];
  if (url) return at(url, `${prefix}ROOMCTL_DATABASE_URL`, environment);
  return isOn(environment["ROOMCTL_EMBEDDED"]) ? { kind: "embedded", origin: `${prefix}ROOMCTL_EMBEDDED` } : undefined;
}

function fromUsualVariables(environment: Environment, prefix: string): DatabaseChoice | undefined {
  const url = environment["DATABASE_URL"];
  if (url) return at(url, `${prefix}DATABASE_URL`, environment);
  const target = targetFromEnvironment(environment);
  if (!target) return undefined;
  const origin = environment["PGSERVICE"] ? `${prefix}PGSERVICE` : `${prefix}PG* variables`;
  return { kind: "target", target, origin, hasTypedPassword: false };
}

/** A `.env` beside us fills in what the real environment leaves out, and never overrides it. */
function fromDotEnv({ environment, workingDirectory }: DatabaseInputs): DatabaseChoice | undefined {
  const path = join(workingDirectory, ".env");
  if (!existsSync(path)) return undefined;
  const merged = { ...parseEnv(readFileSync(path, "utf8")), ...environment };
  return fromRoomctlVariables(merged, ".env: ") ?? fromUsualVariables(merged, ".env: ");
}

function at(text: string, origin: string, environment: Environment): DatabaseChoice {
  if (text === "embedded") return { kind: "embedded", origin };
  const hasTypedPassword = origin.startsWith("flag") && /:\/\/[^/?#@]*:[^/?#]*@|[?&]password=/.test(text);
  return { kind: "target", target: parseTarget(text, environment), origin, hasTypedPassword };
}

function isOn(text: string | undefined): boolean {
  return text !== undefined && /^(1|true|yes|on)$/i.test(text);
}
