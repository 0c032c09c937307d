import { join } from "node:path";
import type { CommandContext, ParsedInput, Settings } from "../commands/command.js";
import { systemClock } from "../core/clock.js";
import { startEmbedded } from "../db/embedded.js";
import { openDatabase } from "../db/pool.js";
import { createProgress } from "../report/progress.js";
import type { ConfigFile } from "./config.js";
import { confirmPlan } from "./confirm.js";
import { asSetting, chooseDatabase, noDatabase } from "./database.js";
import { createPrompter } from "./prompt.js";
import { createStatementLog } from "./statement-log.js";

export interface ContextInputs {
  readonly command: string;
  readonly flags: ParsedInput["flags"];
  readonly settings: Settings;
  readonly config: ConfigFile;
  readonly process: NodeJS.Process;
  readonly signal: AbortSignal;
}

/** What a command gets, and the warnings that it left for the JSON answer. */
export interface BuiltContext {
  readonly context: CommandContext;
  readonly warnings: readonly string[];
  clearProgress(): void;
}

/** Wires a command to this process. Nothing is opened before the command asks for it. */
export function createContext(inputs: ContextInputs): BuiltContext {
  const { flags, settings, config, process, signal } = inputs;
  const warnings: string[] = [];
  const isQuiet = flags["quiet"] === true;
  const progress = createProgress({ stream: process.stderr, clock: systemClock, isQuiet });
  const prompter = createPrompter({ stdin: process.stdin, stderr: process.stderr, noInput: flags["input"] === false });
  const say = (line: string) => {
    progress.clear();
    if (!isQuiet) process.stderr.write(`${line}\n`);
  };
  const warn = (line: string) => {
    if (warnings.includes(line)) return;
    warnings.push(line);
    say(`warning: ${line}`);
  };

  const resolveTarget = async () => {
    const choice = chooseDatabase({ flags, environment: process.env, config, workingDirectory: process.cwd() });
    if (!choice) throw noDatabase();
    if (choice.kind === "target") {
      if (choice.hasTypedPassword)
        warn("a password on the command line shows in ps; use PGPASSWORD, ~/.pgpass or a service file");
      return asSetting(choice.target, choice.origin);
    }
    const server = await startEmbedded({ directory: join(settings.stateDirectory.value, "postgres") });
    if (server.wasStarted)
      say(`embedded PostgreSQL started on 127.0.0.1:${server.target.port} (stop it with: roomctl embedded stop)`);
    return asSetting(server.target, choice.origin);
  };

  const context: CommandContext = {
    app: config.app,
    configPath: config.path,
    settings,
    clock: systemClock,
    signal,
    resolveTarget,
    async openDatabase() {
      const { value } = await resolveTarget();
      const onStatement = flags["verbose"]
        ? await createStatementLog({ command: inputs.command, stream: process.stderr, say })
        : undefined;
      return openDatabase(value, {
        applicationName: `roomctl/${inputs.command}`,
        lockTimeoutMs: settings.lockTimeoutMs.value,
        signal,
        onStatement,
      });
    },
    tell: say,
    onProgress: (event) => progress.report(event),
    warn,
    confirm: (request) => {
      progress.clear();
      return confirmPlan(request, prompter);
    },
  };
  return { context, warnings, clearProgress: progress.clear };
}
