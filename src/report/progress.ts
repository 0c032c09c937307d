import type { Clock } from "../core/clock.js";

export interface ProgressSink {
  readonly stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown };
  readonly clock: Clock;
  readonly isQuiet: boolean;
}

export interface Progress {
  report(event: { readonly message: string; readonly done?: number; readonly total?: number }): void;
  /** Takes the progress line off the terminal, before anything else is written there. */
  clear(): void;
}

const logIntervalMs = 10_000;
const redrawIntervalMs = 80;

/** One redrawn line on a terminal; elsewhere one line every ten seconds, so that a log shows life without noise. */
export function createProgress({ stream, clock, isQuiet }: ProgressSink): Progress {
  if (isQuiet) return { report: () => {}, clear: () => {} };
  const isTerminal = stream.isTTY === true;
  let lastMs = isTerminal ? Number.NEGATIVE_INFINITY : clock.monotonicMs();
  let isDrawn = false;
  return {
    report({ message, done, total }) {
      const nowMs = clock.monotonicMs();
      if (nowMs - lastMs < (isTerminal ? redrawIntervalMs : logIntervalMs)) return;
      lastMs = nowMs;
      const line = done === undefined ? message : `${message} (${done}${total === undefined ? "" : ` of ${total}`})`;
      stream.write(isTerminal ? `\r\u001b[2K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`);
      isDrawn = isTerminal;
    },
    clear() {
      if (isDrawn) stream.write("\r\u001b[2K");
      isDrawn = false;
    },
  };
}
