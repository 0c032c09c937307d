import { join } from "node:path";
import type { CommandContext, Setting, Settings } from "../commands/command.js";
import { systemClock } from "../core/clock.js";
import { startEmbedded } from "../db/embedded.js";
import { type Database, openDatabase } from "../db/pool.js";
import type { DatabaseTarget } from "../db/target.js";
import type { ConfigFile } from "./config.js";
import { confirmPlan } from "./confirm.js";
import type { Conversation } from "./conversation.js";
import { chooseDatabase, noDatabase } from "./database.js";
import type { CommandLine } from "./flags.js";
import { createPrompter } from "./prompt.js";
import { repeatCommand } from "./repeat.js";
import { createServerLog } from "./server-log.js";
import { createStatementLog } from "./statement-log.js";

export interface ContextInputs {
  readonly command: string;
  readonly input: CommandLine;
  readonly settings: Settings;
  readonly config: ConfigFile;
  readonly conversation: Conversation;
  readonly process: NodeJS.Process;
  readonly signal: AbortSignal;
}

/** Wires a command to this process. Nothing is opened before the command asks for it. */
export function createContext(inputs: ContextInputs): CommandContext {
  const { input, settings, config, conversation, process, signal } = inputs;
  const noInput = input.flags["input"] === false;
  return {
    app: config.app,
    configPath: config.path,
    settings,
    clock: systemClock,
    signal,
    resolveTarget: () => resolveTarget(inputs),
    openDatabase: () => openTarget(inputs),
    tell: conversation.say,
    openLog: () =>
      createServerLog({ stream: process.stderr, say: conversation.say, isQuiet: input.flags["quiet"] === true }),
    warn: conversation.warn,
    onProgress: conversation.onProgress,
    repeat: (command) => repeatCommand(command, input),
    confirm(request) {
      conversation.clearProgress();
      return confirmPlan(request, createPrompter({ stdin: process.stdin, stderr: process.stderr, noInput }));
    },
  };
}

async function resolveTarget(inputs: ContextInputs): Promise<Setting<DatabaseTarget>> {
  const { input, settings, config, conversation, process, signal } = inputs;
  const choice = chooseDatabase({ input, environment: process.env, config, workingDirectory: process.cwd() });
  if (!choice) throw noDatabase();
  if (choice.kind === "target") {
    if (choice.hasTypedPassword) {
      conversation.warn("a password on the command line shows in ps; use PGPASSWORD, ~/.pgpass or a service file");
    }
    return { value: choice.target, origin: choice.origin };
  }
  const server = await startEmbedded({ directory: join(settings.stateDirectory.value, "postgres"), signal });
  if (server.wasStarted) {
    const { port } = server.target;
    conversation.say(`embedded PostgreSQL started on 127.0.0.1:${port} (stop it with: roomctl embedded stop)`);
  }
  return { value: server.target, origin: choice.origin };
}

async function openTarget(inputs: ContextInputs): Promise<Database> {
  const { command, input, settings, conversation, process, signal } = inputs;
  const { value } = await resolveTarget(inputs);
  const onStatement = input.flags["verbose"]
    ? await createStatementLog({ command, stream: process.stderr, say: conversation.say })
    : undefined;
  return openDatabase(value, {
    applicationName: `roomctl/${command}`,
    lockTimeoutMs: settings.lockTimeoutMs.value,
    signal,
    onStatement,
  });
}
