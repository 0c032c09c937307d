import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { createMigration, type NewMigration } from "../migrate/new.js";
import { defineCommand } from "./command.js";
import { directoryFlag } from "./migrate-options.js";

interface NewOptions {
  readonly title: string;
}

export const migrateNew = defineCommand<NewOptions, NewMigration>({
  name: "migrate new",
  summary: "Write the two empty files of a new migration",
  description: [
    "The folder must be named, by --dir, ROOMCTL_DIR or the configuration: the built-in one belongs to roomctl.",
  ],
  words: [{ syntax: "<name>", description: "what it does, in lower-case words with hyphens: add-something" }],
  flags: [directoryFlag],
  examples: [
    { command: "roomctl migrate new add-something --dir migrations", explanation: "begin a migration in ./migrations" },
  ],
  parse({ words }) {
    const [title, ...others] = words;
    if (title !== undefined && others.length === 0) return { title };
    throw new RoomctlError("E_USAGE", "a migration has one name", {
      hint: "roomctl migrate new add-something --dir migrations",
    });
  },
  async run({ title }, { settings }) {
    const { value: directory, origin } = settings.migrationsDirectory;
    if (origin === "default") throw builtInFolder(title);
    return createMigration(directory, title);
  },
  render: ({ upPath, downPath }) => [`wrote ${upPath}`, `wrote ${downPath}`],
});

/** It lies in the installed package: the next update of roomctl would take the app's migration away. */
function builtInFolder(title: string): RoomctlError {
  return new RoomctlError("E_USAGE", "no folder of migrations is named, and the built-in one belongs to roomctl", {
    hint: `roomctl migrate new ${shellWord(title)} --dir migrations`,
  });
}
