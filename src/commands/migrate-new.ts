import { RoomctlError } from "../core/errors.js";
import { createMigration, type NewMigration } from "../migrate/new.js";
import { defineCommand } from "./command.js";
import { directoryFlag } from "./migrate-options.js";

interface NewOptions {
  readonly title: string;
}

export const migrateNew = defineCommand<NewOptions, NewMigration>({
  name: "migrate new",
  summary: "Write the two empty files of a new migration",
  words: [{ syntax: "<name>", description: "what it does, in lower-case words with hyphens: add-something" }],
  flags: [directoryFlag],
  examples: [
    { command: "roomctl migrate new add-something --dir migrations", explanation: "begin a migration in ./migrations" },
  ],
  parse({ words }) {
    const [title, ...others] = words;
    if (title !== undefined && others.length === 0) return { title };
    throw new RoomctlError("E_USAGE", "a migration has one name", { hint: "roomctl migrate new add-something" });
  },
  run: async ({ title }, context) => createMigration(context.settings.migrationsDirectory.value, title),
  render: ({ upPath, downPath }) => [`wrote ${upPath}`, `wrote ${downPath}`],
});
