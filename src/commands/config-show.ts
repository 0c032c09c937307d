import { join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { readEmbedded } from "../db/embedded.js";
import { formatTarget } from "../db/target.js";
import { tableLines } from "../report/table.js";
import { type CommandContext, defineCommand } from "./command.js";

interface ConfigShowOptions {
  readonly showOrigin: boolean;
}

interface ConfigShowResult {
  readonly showOrigin: boolean;
  readonly settings: readonly ShownSetting[];
  /** How another client reaches the embedded server: its password is in the file, never in the output. */
  readonly connectWith?: string;
}

interface ShownSetting {
  readonly name: string;
  readonly value: string | number;
  readonly origin: string;
}

export const configShow = defineCommand<ConfigShowOptions, ConfigShowResult>({
  name: "config show",
  summary: "Show every setting and where it came from",
  description: ["With the embedded database, also how another client connects to it. Passwords are never shown."],
  flags: [{ flags: "--origin", description: "Show where each value came from" }],
  examples: [
    { command: "roomctl config show --origin", explanation: "every setting with its source" },
    { command: "roomctl config --embedded", explanation: "the URL of the embedded PostgreSQL, for other clients" },
  ],
  parse: ({ flags }) => ({ showOrigin: flags["origin"] === true }),
  async run({ showOrigin }, context) {
    const settings = Object.entries(context.settings).map(([name, { value, origin }]) => ({ name, value, origin }));
    const app = { name: "app", value: context.app.name, origin: context.configPath ?? "default" };
    return {
      showOrigin,
      settings: [app, await showDatabase(context), ...settings],
      connectWith: await connectWith(context),
    };
  },
  render({ showOrigin, settings, connectWith: command }, style) {
    const columns = [{ title: "setting" }, { title: "value" }, ...(showOrigin ? [{ title: "from" }] : [])];
    const rows = settings.map(({ name, value, origin }) => [name, String(value), ...(showOrigin ? [origin] : [])]);
    const hint = command === undefined ? [] : ["", `connect with: ${command}`];
    return [...tableLines(columns, rows, style), ...hint];
  },
});

async function showDatabase(context: CommandContext): Promise<ShownSetting> {
  try {
    const { value, origin } = await context.resolveTarget();
    return { name: "database", value: formatTarget(value), origin };
  } catch (error) {
    if (error instanceof RoomctlError && error.code === "E_NO_DATABASE") {
      return { name: "database", value: "none", origin: error.hint ?? "" };
    }
    throw error;
  }
}

async function connectWith(context: CommandContext): Promise<string | undefined> {
  const server = await readEmbedded(join(context.settings.stateDirectory.value, "postgres"));
  return server && `PGPASSFILE=${shellWord(server.passwordFile)} psql ${shellWord(formatTarget(server.target))}`;
}
