import { exitCodes, RoomctlError } from "../core/errors.js";
import { openScratch, type ScratchOptions, type ScratchServer } from "../db/scratch.js";
import { parseTarget } from "../db/target.js";
import type { CommandContext, Flag, ParsedInput } from "./command.js";

/** What of a command's context a scratch server needs. */
export type ScratchContext = Pick<CommandContext, "settings" | "signal" | "warn" | "onProgress">;

export interface ScratchChoice {
  readonly scratchUrl?: string;
}

export const scratchFlag: Flag = {
  flags: "--scratch-url <url>",
  description:
    "Server to try things on, where databases may be made and dropped (default: a throw-away one of roomctl's)",
};

/** Reads --scratch-url. Throws E_CONFIG when it is no URL of a server. */
export function parseScratch({ flags }: ParsedInput): ScratchChoice {
  const { scratchUrl } = flags;
  if (typeof scratchUrl !== "string") return {};
  try {
    parseTarget(scratchUrl, {});
  } catch (error) {
    throw error instanceof RoomctlError ? ofScratchUrl(error) : error;
  }
  return { scratchUrl };
}

function ofScratchUrl({ code, message, cause }: RoomctlError): RoomctlError {
  const hint =
    "write it as --scratch-url postgresql://user@host:5432/database, or leave it out to use a server of roomctl's own";
  return new RoomctlError(code, `--scratch-url: ${message}`, { hint, cause });
}

/**
 * Starts the scratch server that was chosen, of the wanted major version where this machine has one; says so where it
 * has not, since what is tried there may then go otherwise on the target.
 */
export async function openScratchServer(
  { scratchUrl }: ScratchChoice,
  { settings, signal, warn, onProgress }: ScratchContext,
  majorVersion?: number,
): Promise<ScratchServer> {
  onProgress({ message: "starting a scratch server" });
  const target = scratchUrl === undefined ? undefined : parseTarget(scratchUrl, {});
  if (scratchUrl !== undefined && /:\/\/[^/?#@]*:[^/?#]*@|[?&]password=/.test(scratchUrl)) {
    warn("the password of --scratch-url shows in ps; use ~/.pgpass or a service file");
  }
  const server = await open({
    directory: settings.stateDirectory.value,
    majorVersion,
    target,
    signal,
    onWarning: warn,
  });
  if (majorVersion !== undefined && server.majorVersion !== majorVersion) {
    warn(`the target is PostgreSQL ${majorVersion}, the scratch server ${server.description}: some things differ`);
  }
  return server;
}

async function open(options: ScratchOptions): Promise<ScratchServer> {
  try {
    return await openScratch(options);
  } catch (error) {
    const isAway = error instanceof RoomctlError && error.exitCode === exitCodes.unreachable;
    throw options.target && isAway ? ofScratchUrl(error) : error;
  }
}
