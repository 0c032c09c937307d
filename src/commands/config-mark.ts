import { RoomctlError } from "../core/errors.js";
import {
  type Environment,
  environments,
  isForDevelopment,
  type Marker,
  readMarker,
  writeMarker,
} from "../db/marker.js";
import { withTransaction } from "../db/transaction.js";
import { defineCommand, type ParsedInput } from "./command.js";

interface ConfigMarkOptions {
  readonly environment: Environment;
  readonly confirm: string | true | undefined;
}

interface ConfigMarkResult {
  readonly database: string;
  readonly environment: Environment;
  readonly previous: Environment | null;
}

export const configMark = defineCommand<ConfigMarkOptions, ConfigMarkResult>({
  name: "config mark",
  summary: "Mark the database as development, staging or production",
  description: [
    "The marker is stored in the database itself; a bare --confirm without a terminal works only on development.",
    "What the first migrate assumed, because nobody said anything, is said by this; on another machine an assumption is not enough.",
    "Marking a database as development takes its protection away, so that asks for consent.",
  ],
  words: [{ syntax: "<environment>", description: environments.join(", ") }],
  flags: [
    {
      flags: "--confirm [database]",
      description: "Consent to marking it as development: asks for the database's name, or takes it",
      isConsent: true,
    },
  ],
  examples: [
    { command: "roomctl config mark staging", explanation: "destructive commands ask for its name from now on" },
  ],
  parse: parseConfigMark,
  async run({ environment, confirm }, context) {
    await using database = await context.openDatabase();
    const marker = await readMarker(database);
    const previous = marker?.environment ?? null;
    if (environment === "development" && !(await isForDevelopment(database, marker))) {
      const lines = [`This takes the protection of ${database.url} away (now: ${describe(marker)}).`];
      await context.confirm({ database, given: confirm, command: "roomctl config mark development", lines });
    }
    await withTransaction(database, {}, (connection) => writeMarker(connection, environment));
    return { database: database.url, environment, previous };
  },
  render: ({ database, environment, previous }, style) => [
    `${database} is now marked ${style.strong(environment)} (before: ${previous ?? "not marked"})`,
  ],
});

function describe(marker: Marker | undefined): string {
  if (!marker) return "not marked";
  return marker.origin === "said" ? marker.environment : `${marker.environment}, as its first migrate assumed`;
}

function parseConfigMark({ words: [word], flags: { confirm } }: ParsedInput): ConfigMarkOptions {
  const environment = environments.find((name) => name === word);
  if (environment)
    return { environment, confirm: typeof confirm === "string" || confirm === true ? confirm : undefined };
  throw new RoomctlError("E_USAGE", `unknown environment ${JSON.stringify(word)}`, {
    hint: `use one of ${environments.join(", ")}`,
  });
}
