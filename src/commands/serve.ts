import { type ExitCode, exitCodes, RoomctlError } from "../core/errors.js";
import { parseFailpoints } from "../core/failpoint.js";
import { type Database, openDatabase } from "../db/pool.js";
import type { DatabaseTarget } from "../db/target.js";
import { type CommandContext, defineCommand } from "./command.js";
import { openIce } from "./serve-ice.js";
import { parseServeOptions, type ServeOptions, serveFlags } from "./serve-options.js";

interface ServeResult {
  readonly url: string;
  readonly epoch: string | null;
  /** Why it stopped. */
  readonly reason: "asked" | "taken over";
  /** Changes that are in memory only, and gone now. */
  readonly unflushed: number;
}

/** One statement of the server may run so long: whoever takes over waits for it. */
const statementTimeoutMs = 5000;
const connections = 20;

export const serve = defineCommand<ServeOptions, ServeResult>({
  name: "serve",
  summary: "Run the reference room server: calls and chats in memory first, recovered after a restart",
  description: [
    "Recovers what the server before it left behind, then listens: a page at /, its API, Socket.IO, /health, /metrics.",
    "Without a configured database, or with --memory-only, nothing outlives it. While the database is down calls go on, and",
    "what changes is written when it is back. A second server of the same --instance takes over from the first, which then",
    "ends with exit 11. SIGTERM writes what is left and exits 0 when nothing was lost, 5 otherwise.",
  ],
  flags: serveFlags,
  examples: [
    {
      command: "roomctl serve --embedded --port 0",
      explanation: "on the embedded database; open the page it names",
    },
    { command: "roomctl serve --memory-only --port 0", explanation: "without a database" },
  ],
  parse: parseServeOptions,
  run: runServer,
  render: ({ url, reason, unflushed }, style) => [
    unflushed === 0
      ? `${style.good("stopped")} ${url}: everything is in the database, or was never meant to be`
      : `${style.warning("stopped")} ${url}: ${unflushed} changes could not be written and are gone`,
    ...(reason === "taken over" ? ["another server of this instance has taken over"] : []),
  ],
  exitCode: exitCodeOf,
});

async function runServer(options: ServeOptions, context: CommandContext): Promise<ServeResult> {
  const { startServer } = await import("../server/server.js");
  const { createMail } = await import("../server/mail-folder.js");
  const { parsePlantedBug } = await import("../server/planted.js");
  const target = options.isMemoryOnly ? undefined : await findTarget(context);
  const log = await context.openLog();
  const server = await startServer({
    settings: options.settings,
    log,
    pid: process.pid,
    freeze: process.env["NODE_ENV"] !== "production",
    mail: createMail(options.mailDirectory),
    ice: openIce(options.ice, process.env["ROOMCTL_TURN_SECRET"]),
    controlPath: options.controlPath,
    failpoints: parseFailpoints(options.failpoint, () => process.kill(process.pid, "SIGKILL")),
    plantedBug: parsePlantedBug(options.plantedBug),
    ...(target === undefined ? {} : { open: () => open(target) }),
  });
  const reason = await Promise.race([
    aborted(context.signal).then(() => "asked" as const),
    server.fenced.then(() => "taken over" as const),
  ]);
  log.info({ event: "stopping", reason }, "stopping");
  const { unflushed } = await server.stop();
  return { url: server.url, epoch: server.link.epoch() ?? null, reason, unflushed };
}

/** Undefined where nobody named a database: the server then says that it keeps nothing. */
async function findTarget(context: CommandContext): Promise<DatabaseTarget | undefined> {
  try {
    return (await context.resolveTarget()).value;
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_DATABASE") return undefined;
    throw error;
  }
}

/** Without the signal of the command: what is left has to be written after it came. */
function open(target: DatabaseTarget): Promise<Database> {
  return openDatabase(target, { applicationName: "roomctl/serve", statementTimeoutMs, maxConnections: connections });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function exitCodeOf({ reason, unflushed }: ServeResult): ExitCode {
  if (reason === "taken over") return exitCodes.locked;
  return unflushed === 0 ? exitCodes.ok : exitCodes.partial;
}
