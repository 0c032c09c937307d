import { openScratch, type ScratchServer } from "../db/scratch.js";
import { parseTarget } from "../db/target.js";
import type { CommandContext, Flag, ParsedInput } from "./command.js";

export interface ScratchChoice {
  readonly scratchUrl?: string;
}

export const scratchFlag: Flag = {
  flags: "--scratch-url <url>",
  description:
    "Server to try things on, where databases may be made and dropped (default: a throw-away one of roomctl's)",
};

/** Reads --scratch-url. */
export function parseScratch({ flags }: ParsedInput): ScratchChoice {
  return typeof flags["scratchUrl"] === "string" ? { scratchUrl: flags["scratchUrl"] } : {};
}

/**
 * Starts the scratch server that was chosen, of the wanted major version where this machine has one; says so where it
 * has not, since what is tried there may then go otherwise on the target.
 */
export async function openScratchServer(
  { scratchUrl }: ScratchChoice,
  { settings, signal, warn, onProgress }: CommandContext,
  majorVersion?: number,
): Promise<ScratchServer> {
  onProgress({ message: "starting a scratch server" });
  const target = scratchUrl === undefined ? undefined : parseTarget(scratchUrl, {});
  const server = await openScratch({ directory: settings.stateDirectory.value, majorVersion, target, signal });
  if (majorVersion !== undefined && server.majorVersion !== majorVersion) {
    warn(`the target is PostgreSQL ${majorVersion}, the scratch server ${server.description}: some things differ`);
  }
  return server;
}
