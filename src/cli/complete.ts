import { RootCommand } from "@bomb.sh/tab";
import { commandEntries } from "../commands/index.js";
import { globalFlags } from "./global-flags.js";

/** Answers a shell's question (`roomctl complete -- words so far`): prints the possible next words. */
export async function completeWords(words: readonly string[]): Promise<void> {
  const root = new RootCommand();
  for (const { name } of commandEntries) {
    const [first = "", second] = name.split(" ");
    const children = commandEntries.filter((entry) => entry.name.startsWith(`${first} `));
    const names = children.map((entry) => entry.name.slice(first.length + 1)).join(", ");
    if (second !== undefined && !root.commands.has(first)) root.command(first, names);
  }
  for (const entry of commandEntries) {
    const command = root.command(entry.name, entry.summary);
    const definition = await entry.load();
    for (const { flags, description } of [...definition.flags, ...globalFlags]) {
      const long = /--([a-z-]+)/.exec(flags)?.[1];
      const short = /^-([a-z])\b/i.exec(flags)?.[1];
      if (long === undefined) continue;
      // Without a handler the library takes an option for a boolean and completes the next word as a new one.
      if (/[<[]/.test(flags)) command.option(long, description, () => {}, short);
      else command.option(long, description, short);
    }
  }
  root.parse([...words]);
}
