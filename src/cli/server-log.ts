import type { Logger } from "pino";

export interface ServerLogOptions {
  readonly stream: NodeJS.WriteStream;
  /** Writes a line for people, past the progress line. */
  readonly say: (line: string) => void;
  readonly isQuiet: boolean;
}

/** What a server has to say while it runs: lines for people on a terminal, one JSON object a line elsewhere. */
export async function createServerLog({ stream, say, isQuiet }: ServerLogOptions): Promise<Logger> {
  const { pino, stdTimeFunctions } = await import("pino");
  const level = isQuiet ? "error" : "info";
  if (!stream.isTTY) return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, stream);
  return pino({ level, base: null }, { write: (line: string) => say(toLine(line)) });
}

/** `20:14:03 listening on http://127.0.0.1:8080`; warnings and errors say so, with their reason and the way out. */
function toLine(json: string): string {
  const { time, level, msg, reason, hint } = JSON.parse(json);
  const clock = new Date(time).toISOString().slice(11, 19);
  const word = level >= 50 ? "error: " : level >= 40 ? "warning: " : "";
  const why = reason === undefined ? "" : `: ${reason}`;
  return `${clock} ${word}${msg}${why}${hint === undefined ? "" : `\n  next: ${hint}`}`;
}
