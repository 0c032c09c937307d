import { redact } from "../core/redact.js";

/** Told of each statement that ran: its text, never its values, and how long it took. */
export type StatementLog = (sql: string, durationMs: number) => void;

export interface StatementLogOptions {
  readonly command: string;
  readonly stream: NodeJS.WriteStream;
  /** Writes a line for people, past the progress line. */
  readonly say: (line: string) => void;
}

/** `--verbose`: a line for people on a terminal, one JSON object a line where stderr is collected by something else. */
export async function createStatementLog({ command, stream, say }: StatementLogOptions): Promise<StatementLog> {
  const oneLine = (sql: string) => redact(sql.replace(/\s+/g, " ").trim());
  if (stream.isTTY) return (sql, durationMs) => say(`sql ${durationMs.toFixed(1)}ms ${oneLine(sql)}`);
  const { pino, stdTimeFunctions } = await import("pino");
  const log = pino({ level: "debug", base: { command }, timestamp: stdTimeFunctions.isoTime }, stream);
  return (sql, durationMs) => log.debug({ sql: oneLine(sql), durationMs: Number(durationMs.toFixed(1)) }, "statement");
}
