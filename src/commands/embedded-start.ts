import { join } from "node:path";
import { shellWord } from "../core/shell.js";
import { startEmbedded } from "../db/embedded.js";
import { formatTarget } from "../db/target.js";
import { defineCommand } from "./command.js";

interface EmbeddedStartResult {
  readonly url: string;
  readonly passwordFile: string;
  readonly logFile: string;
  readonly wasStarted: boolean;
}

export const embeddedStart = defineCommand<object, EmbeddedStartResult>({
  name: "embedded start",
  summary: "Start the embedded PostgreSQL and leave it running",
  description: [
    "A real PostgreSQL in .roomctl/postgres, on loopback only. Every command with --embedded starts it by itself.",
  ],
  flags: [],
  examples: [{ command: "roomctl embedded start", explanation: "start it, or say where it already runs" }],
  parse: () => ({}),
  async run(_options, { settings, signal }) {
    const server = await startEmbedded({ directory: join(settings.stateDirectory.value, "postgres"), signal });
    const { passwordFile, logFile, wasStarted } = server;
    return { url: formatTarget(server.target), passwordFile, logFile, wasStarted };
  },
  render: ({ url, passwordFile, logFile, wasStarted }, style) => [
    `embedded PostgreSQL ${style.good(wasStarted ? "started" : "already running")}: ${url}`,
    `  connect with: PGPASSFILE=${shellWord(passwordFile)} psql ${shellWord(url)}`,
    `  its log:      ${logFile}`,
    "  stop it with: roomctl embedded stop",
  ],
});
