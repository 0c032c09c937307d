import type { ProgressEvent } from "../commands/command.js";
import type { Clock } from "../core/clock.js";
import { createProgress } from "../report/progress.js";

/** What is said on stderr while a command works: lines, warnings and one progress line that never mix. */
export interface Conversation {
  /** A line; silent with `--quiet`. */
  say(line: string): void;
  /** A line that the JSON answer repeats; the same warning is given once. */
  warn(line: string): void;
  onProgress(event: ProgressEvent): void;
  clearProgress(): void;
  readonly warnings: readonly string[];
}

export interface ConversationOptions {
  readonly stream: NodeJS.WriteStream;
  readonly clock: Clock;
  readonly isQuiet: boolean;
  /** `--json`: warnings go into the answer or the error and nowhere else, so that stderr holds one object at most. */
  readonly isJson: boolean;
}

export function createConversation({ stream, clock, isQuiet, isJson }: ConversationOptions): Conversation {
  const warnings: string[] = [];
  const progress = createProgress({ stream, clock, isQuiet: isQuiet || isJson });
  const say = (line: string) => {
    progress.clear();
    if (!isQuiet && !isJson) stream.write(`${line}\n`);
  };
  return {
    say,
    warn(line) {
      if (warnings.includes(line)) return;
      warnings.push(line);
      say(`warning: ${line}`);
    },
    onProgress: progress.report,
    clearProgress: progress.clear,
    warnings,
  };
}
