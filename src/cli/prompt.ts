import { RoomctlError } from "../core/errors.js";
import type { Prompter } from "./confirm.js";

export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
  /** `--no-input`. */
  readonly noInput: boolean;
}

/** Asks on a terminal only: consent is never read from a pipe. The prompt goes to stderr, the answer stays on stdout. */
export function createPrompter({ stdin, stderr, noInput }: Terminal): Prompter {
  return {
    canAsk: stdin.isTTY === true && stderr.isTTY === true && !noInput,
    async ask(lines, question) {
      for (const line of lines) stderr.write(`${line}\n`);
      const { default: inquirer } = await import("inquirer");
      const prompt = inquirer.createPromptModule({ input: stdin, output: stderr });
      try {
        const answer = await prompt([{ type: "input", name: "text", message: question }]);
        return String(answer.text);
      } catch (cause) {
        throw new RoomctlError("E_INTERRUPTED", "nothing was changed: the question was not answered", { cause });
      }
    },
  };
}
