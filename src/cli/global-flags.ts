import type { Flag } from "../commands/command.js";

/** Flags that every command takes. */
export const globalFlags: readonly Flag[] = [
  { flags: "-d, --database-url <url>", description: "PostgreSQL to work on: a URL, or @name of a service file" },
  {
    flags: "--direct-url <url>",
    description: "PostgreSQL's own address, where the usual one is a pooler's; it is used instead",
  },
  { flags: "--embedded", description: "Use the embedded PostgreSQL in .roomctl/postgres, started on demand" },
  {
    flags: "-c, --config <file>",
    description: "Configuration file (default: roomctl.config.ts, .mjs, .js or .json here)",
  },
  { flags: "--lock-timeout <duration>", description: "How long a statement waits for a table lock (default: 3s)" },
  { flags: "--lock-wait <duration>", description: "How long to wait for another roomctl run to end (default: 60s)" },
  { flags: "--json", description: "Print one JSON object on stdout, errors as one on stderr" },
  {
    flags: "-q, --quiet",
    description: "Print nothing but errors (and the object of --json): for cron, the exit code is the answer",
  },
  { flags: "-v, --verbose", description: "Show statements with their times on stderr (never their values)" },
  { flags: "--no-color", description: "No colour, as NO_COLOR does" },
  { flags: "--no-input", description: "Never ask; fail with the flag to pass instead" },
];

const flagsWithValue = new Set(
  globalFlags.filter(({ flags }) => flags.includes("<")).flatMap(({ flags }) => flags.match(/--?[a-z-]+/g) ?? []),
);

/** Where the first word stands that is neither a flag nor the value of a global one; -1 when there is none. */
export function findFirstWord(argv: readonly string[]): number {
  return argv.findIndex((word, index) => !word.startsWith("-") && !flagsWithValue.has(argv[index - 1] ?? ""));
}

/** `--lock-timeout` → `ROOMCTL_LOCK_TIMEOUT`; undefined for consent. */
export function flagVariable(flag: Flag): string | undefined {
  const name = /--([a-z-]+)/.exec(flag.flags)?.[1];
  return flag.isConsent || name === undefined ? undefined : `ROOMCTL_${name.toUpperCase().replaceAll("-", "_")}`;
}
