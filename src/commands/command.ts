import type { Logger } from "pino";
import type { AppDefinition } from "../core/catalogue.js";
import type { Clock } from "../core/clock.js";
import type { ExitCode } from "../core/errors.js";
import type { Environment } from "../db/marker.js";
import type { Database } from "../db/pool.js";
import type { DatabaseTarget } from "../db/target.js";
import type { Style } from "../report/style.js";

/** One option of a command line. The parser has no defaults: what is absent stays absent until `Settings` decides. */
export interface Flag {
  /** `--scope <name>`, `-d, --database-url <url>`, `--confirm [database]`, `--json`. */
  readonly flags: string;
  /** One sentence, with the default if there is one. */
  readonly description: string;
  /** May be given several times; its value is then a list. */
  readonly isRepeatable?: boolean;
  /** Consent is typed, never inherited: such a flag has no environment variable. */
  readonly isConsent?: boolean;
}

interface Example {
  /** As typed, beginning with `roomctl`. Each example is executed by a test. */
  readonly command: string;
  readonly explanation: string;
}

/** What was typed: positional words in order, and flags by camelCase name (`dryRun`). */
export interface ParsedInput {
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

/** A value and where it came from. */
export interface Setting<T> {
  readonly value: T;
  readonly origin: string;
}

export interface Settings {
  readonly stateDirectory: Setting<string>;
  readonly migrationsDirectory: Setting<string>;
  readonly backupRepository: Setting<string>;
  readonly environment: Setting<Environment>;
  readonly lockTimeoutMs: Setting<number>;
  readonly lockWaitMs: Setting<number>;
}

export interface ProgressEvent {
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

/** What a running command may use of the process. Everything is lazy: `--help` opens nothing. */
export interface CommandContext {
  readonly app: AppDefinition;
  /** The configuration file in force, if there is one. */
  readonly configPath: string | undefined;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Where the database is and which setting said so. Throws E_NO_DATABASE. Starts the embedded one if that is chosen. */
  resolveTarget(): Promise<Setting<DatabaseTarget>>;
  /** Opens the configured database. Use with `await using`. */
  openDatabase(): Promise<Database>;
  /** A line of conversation on stderr (silent with --quiet). */
  tell(line: string): void;
  /** The log of a command that keeps running: lines for people on a terminal, one JSON object a line elsewhere. */
  openLog(): Promise<Logger>;
  /** Progress on stderr: redrawn on a terminal, a line a while elsewhere. */
  onProgress(event: ProgressEvent): void;
  /** A warning: on stderr, and in the JSON's `warnings`. */
  warn(line: string): void;
  /**
   * A command to type next, `roomctl wipe --scope rooms --confirm`, with what was typed now to choose the database, the
   * configuration and the folders: pasted, it must mean the same. Passwords are left out; other hints stay as they are.
   */
  repeat(command: string): string;
  /**
   * Consent to a destructive plan on a database: see `cli/confirm.ts`. `given` is the value of --confirm.
   * Throws E_CONFIRM_REQUIRED or E_CONFIRM_MISMATCH; returns when the operator agreed.
   */
  confirm(request: ConfirmRequest): Promise<void>;
}

export interface ConfirmRequest {
  readonly database: Database;
  /** `true` for a bare --confirm, the typed name for --confirm=NAME, undefined when it was not given. */
  readonly given: string | true | undefined;
  /** The command to repeat, without `--confirm`: `roomctl wipe --scope rooms`. */
  readonly command: string;
  /** What is about to happen, shown before a prompt. */
  readonly lines: readonly string[];
}

/** A verb of the command line in three parts: `parse` is pure, `run` does the work, `render` is pure. */
export interface CommandDefinition<Options, Result extends object> {
  /** The words after `roomctl`: `wipe`, `backup create`. */
  readonly name: string;
  readonly summary: string;
  /** More than the summary, a paragraph a line. */
  readonly description?: readonly string[];
  /** Positional arguments as commander writes them: `[migration]`, `<backup>`, `[tables...]`. */
  readonly words?: readonly { readonly syntax: string; readonly description: string }[];
  readonly flags: readonly Flag[];
  readonly examples: readonly Example[];
  parse(input: ParsedInput): Options;
  run(options: Options, context: CommandContext): Promise<Result>;
  /** Lines for people. `--json` prints the result itself. */
  render(result: Result, style: Style): readonly string[];
  /** 0 unless told: findings give 3, a partial result 5. */
  exitCode?(result: Result): ExitCode;
}

/** Any command, as the registry and the process see it. */
export type AnyCommand = CommandDefinition<unknown, object>;

/** Keeps the option and result types of a command together. */
export function defineCommand<Options, Result extends object>(
  definition: CommandDefinition<Options, Result>,
): CommandDefinition<Options, Result> {
  return definition;
}
