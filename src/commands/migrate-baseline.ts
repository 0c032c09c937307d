import { RoomctlError } from "../core/errors.js";
import { planBaseline } from "../migrate/fake.js";
import { defineCommand } from "./command.js";
import { type FakeAnswer, runFake } from "./migrate-fake.js";
import { fakeLines } from "./migrate-lines.js";
import { directoryFlag } from "./migrate-options.js";

interface BaselineOptions {
  readonly migration: string;
  readonly isDryRun: boolean;
}

export const migrateBaseline = defineCommand<BaselineOptions, FakeAnswer>({
  name: "migrate baseline",
  summary: "Take over a database that another tool or hand built, up to a migration",
  description: [
    "Records every migration up to the one named as applied, without running any, and keeps the schema's fingerprint with them. The database must hold tables and have no history yet.",
    "Whether the database really is what these files build: roomctl migrate drift.",
  ],
  words: [
    { syntax: "<migration>", description: "the last one whose work is there: a name, its number or its beginning" },
  ],
  flags: [{ flags: "--dry-run", description: "Show what would be recorded, and change nothing" }, directoryFlag],
  examples: [
    { command: "roomctl migrate baseline 3 --dry-run", explanation: "show what would count as applied" },
    { command: "roomctl migrate baseline 3", explanation: "the next migrate begins with number 4" },
  ],
  parse({ words, flags }) {
    const [migration, ...others] = words;
    if (migration !== undefined && others.length === 0) return { migration, isDryRun: flags["dryRun"] === true };
    throw new RoomctlError("E_USAGE", "name the last migration whose work is there", {
      hint: "roomctl migrate baseline 0003",
    });
  },
  async run({ migration, isDryRun }, context) {
    await using database = await context.openDatabase();
    const directory = context.settings.migrationsDirectory.value;
    return await runFake(database, context, { isDryRun, plan: () => planBaseline(database, directory, migration) });
  },
  render: ({ fake, applied }) => fakeLines(fake, applied),
});
