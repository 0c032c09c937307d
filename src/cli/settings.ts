import { join, resolve } from "node:path";
import type { Setting, Settings } from "../commands/command.js";
import { parseDurationMs } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import { type Environment, environments } from "../db/marker.js";
import type { ConfigFile } from "./config.js";
import type { CommandLine } from "./flags.js";

/** Where a setting may come from, strongest first. The README's table is held against this one by a test. */
export interface SettingSource {
  readonly name: string;
  readonly flag?: string;
  readonly variable: string;
  readonly configKey?: string;
  readonly fallback: string;
  readonly meaning: string;
}

export const settingSources = {
  stateDirectory: {
    name: "state folder",
    variable: "ROOMCTL_STATE_DIR",
    configKey: "stateDir",
    fallback: ".roomctl",
    meaning: "folder of the embedded PostgreSQL and of backups",
  },
  migrationsDirectory: {
    name: "migrations",
    flag: "--dir",
    variable: "ROOMCTL_DIR",
    configKey: "app.migrations",
    fallback: "the reference app's",
    meaning: "folder of NNNN_name.up.sql files",
  },
  backupRepository: {
    name: "backup repository",
    flag: "--repo",
    variable: "ROOMCTL_REPO",
    configKey: "repo",
    fallback: ".roomctl/backups",
    meaning: "folder that holds the backups",
  },
  environment: {
    name: "environment",
    variable: "ROOMCTL_ENV",
    configKey: "environment",
    fallback: "development",
    meaning:
      "what the first migrate of an empty database marks it as (after ROOMCTL_ENV: NODE_ENV, then the configuration)",
  },
  lockTimeoutMs: {
    name: "lock timeout",
    flag: "--lock-timeout",
    variable: "ROOMCTL_LOCK_TIMEOUT",
    configKey: "lockTimeout",
    fallback: "3s",
    meaning: "how long a statement waits for a table lock",
  },
  lockWaitMs: {
    name: "lock wait",
    flag: "--lock-wait",
    variable: "ROOMCTL_LOCK_WAIT",
    configKey: "lockWait",
    fallback: "60s",
    meaning: "how long to wait for another roomctl run to end",
  },
} as const satisfies Record<keyof Settings, SettingSource>;

export interface SettingInputs {
  readonly input: Pick<CommandLine, "flags" | "typed">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly config: ConfigFile;
  readonly workingDirectory: string;
}

/** Decides every setting: flag > ROOMCTL_* > configuration > default, each with its origin. Throws E_USAGE, E_CONFIG. */
export function resolveSettings(inputs: SettingInputs): Settings {
  const stateDirectory = path(choose("stateDirectory", inputs), inputs);
  const migrations = choose("migrationsDirectory", inputs);
  const repository = choose("backupRepository", inputs);
  return {
    stateDirectory,
    migrationsDirectory: migrations.origin === "default" ? ownMigrations(inputs) : path(migrations, inputs),
    backupRepository:
      repository.origin === "default"
        ? { ...repository, value: join(stateDirectory.value, "backups") }
        : path(repository, inputs),
    environment: chooseEnvironment(inputs),
    lockTimeoutMs: duration(choose("lockTimeoutMs", inputs)),
    lockWaitMs: duration(choose("lockWaitMs", inputs)),
  };
}

/** The app's own folder: named by its configuration, or built in with the reference app. */
function ownMigrations({ config }: SettingInputs): Setting<string> {
  const origin = config.hasOwnApp ? `${config.label}: app.migrations` : "default";
  return { value: config.app.migrationsDirectory, origin };
}

function choose(key: keyof Settings, { input, environment, config }: SettingInputs): Setting<string> {
  const source: SettingSource = settingSources[key];
  const flagName = source.flag?.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const typed = flagName !== undefined && input.typed.has(flagName) ? input.flags[flagName] : undefined;
  if (typeof typed === "string") return { value: typed, origin: `flag ${source.flag}` };
  const variable = environment[source.variable];
  if (variable) return { value: variable, origin: source.variable };
  const configured = source.configKey === undefined ? undefined : config.values[source.configKey];
  if (typeof configured === "string") return { value: configured, origin: `${config.label}: ${source.configKey}` };
  return { value: source.fallback, origin: "default" };
}

function path(setting: Setting<string>, { config, workingDirectory }: SettingInputs): Setting<string> {
  const isConfigured = setting.origin.startsWith(`${config.label}:`);
  return { ...setting, value: resolve(isConfigured ? config.directory : workingDirectory, setting.value) };
}

/** PostgreSQL keeps its timeouts in 32 bits. */
const longestMs = 2 ** 31 - 1;

function duration(setting: Setting<string>): Setting<number> {
  const value = parseDurationMs(setting.value, setting.origin);
  if (value <= longestMs) return { ...setting, value };
  throw new RoomctlError("E_USAGE", `${setting.origin}: ${setting.value} is longer than PostgreSQL can wait`, {
    hint: "use 24d at most, or 0 for no limit",
  });
}

function chooseEnvironment(inputs: SettingInputs): Setting<Environment> {
  const chosen = choose("environment", inputs);
  const nodeEnvironment = inputs.environment["NODE_ENV"];
  if (chosen.origin === settingSources.environment.variable || !nodeEnvironment) return named(chosen);
  // NODE_ENV has values of its own: a test database is for development; anything unknown is better protected than not.
  if (nodeEnvironment === "test") return { value: "development", origin: "NODE_ENV" };
  const known = environments.find((name) => name === nodeEnvironment);
  return { value: known ?? "staging", origin: "NODE_ENV" };
}

function named(setting: Setting<string>): Setting<Environment> {
  const value = environments.find((name) => name === setting.value);
  if (value) return { value, origin: setting.origin };
  throw new RoomctlError("E_CONFIG", `${setting.origin}: unknown environment ${JSON.stringify(setting.value)}`, {
    hint: `use one of ${environments.join(", ")}`,
  });
}
