import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { programPath } from "./cli.js";

export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

export interface TerminalRun extends AsyncDisposable {
  type(text: string): void;
  press(key: "Enter" | "C-c"): void;
  /** Waits until the screen shows `text`, and returns the screen. */
  waitFor(text: string): Promise<string>;
}

/** Runs roomctl in a real terminal (tmux, 120 × 45); when it ended the screen says `exit: N`. */
export function runInTerminal(words: readonly string[], environment: Readonly<Record<string, string>>): TerminalRun {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-terminal-"));
  const socket = `roomctl-test-${randomBytes(4).toString("hex")}`;
  const tmux = (...options: string[]) =>
    execFileSync("tmux", ["-L", socket, "-f", "/dev/null", ...options], { encoding: "utf8" });
  const command = [process.execPath, programPath, ...words].map((word) => `'${word}'`).join(" ");
  const variables = Object.entries(environment).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  tmux(
    "new-session",
    "-d",
    "-x",
    "120",
    "-y",
    "45",
    "-c",
    folder,
    ...variables,
    `${command}; echo "exit: $?"; sleep 3600`,
  );
  return {
    type: (text) => tmux("send-keys", "-l", text),
    press: (key) => tmux("send-keys", key),
    async waitFor(text) {
      for (let attempt = 0; attempt < 6000; attempt += 1) {
        const screen = tmux("capture-pane", "-p");
        if (screen.includes(text)) return screen;
        await sleep(50);
      }
      throw new Error(`the terminal never showed ${JSON.stringify(text)}:\n${tmux("capture-pane", "-p")}`);
    },
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
