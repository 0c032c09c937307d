import { RoomctlError } from "../core/errors.js";
import { defineCommand } from "./command.js";

const shells = ["bash", "zsh", "fish", "powershell"] as const;
type Shell = (typeof shells)[number];

export const completion = defineCommand<{ readonly shell: Shell }, { readonly script: string }>({
  name: "completion",
  summary: "Print the completion script of a shell",
  description: [
    "bash: source <(roomctl completion bash)   (with the package bash-completion)",
    "zsh:  roomctl completion zsh > ~/.zfunc/_roomctl   (with ~/.zfunc in fpath)",
    "fish: roomctl completion fish > ~/.config/fish/completions/roomctl.fish",
  ],
  words: [{ syntax: "<shell>", description: shells.join(", ") }],
  flags: [],
  examples: [{ command: "roomctl completion bash", explanation: "the script for bash" }],
  parse({ words: [word] }) {
    const shell = shells.find((name) => name === word);
    if (shell) return { shell };
    throw new RoomctlError("E_USAGE", `unknown shell ${JSON.stringify(word)}`, {
      hint: `use one of ${shells.join(", ")}`,
    });
  },
  async run({ shell }) {
    const { script } = await import("@bomb.sh/tab");
    return { script: captureScript(() => script(shell, "roomctl", "roomctl")) };
  },
  render: ({ script }) => script.split("\n"),
});

/** The library prints its script to the console; the command's answer goes through the one way out instead. */
function captureScript(print: () => void): string {
  const lines: string[] = [];
  const { log } = console;
  Reflect.set(console, "log", (...words: unknown[]) => lines.push(words.join(" ")));
  try {
    print();
  } finally {
    Reflect.set(console, "log", log);
  }
  return lines.join("\n");
}
