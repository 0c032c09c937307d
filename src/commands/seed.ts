import { resolve } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { applySeed, type SeedResult } from "../migrate/seed.js";
import { tableLines } from "../report/table.js";
import { formatCount, plural } from "../report/text.js";
import { defineCommand } from "./command.js";

interface SeedOptions {
  readonly file: string | undefined;
}

export const seed = defineCommand<SeedOptions, SeedResult>({
  name: "seed",
  summary: "Fill an empty development database with demonstration data",
  description: ["All of the file or nothing, in one transaction; only in a database that is marked as development."],
  flags: [{ flags: "--file <file>", description: "SQL file to run (default: the app's demonstration data)" }],
  examples: [{ command: "roomctl seed", explanation: "load the demonstration data" }],
  parse: ({ flags }) => ({ file: typeof flags["file"] === "string" ? flags["file"] : undefined }),
  async run({ file }, context) {
    const path = file === undefined ? context.app.seedFile : resolve(file);
    if (path === undefined) {
      throw new RoomctlError("E_USAGE", `the app ${JSON.stringify(context.app.name)} names no seed file`, {
        hint: "give one: roomctl seed --file FILE",
      });
    }
    await using database = await context.openDatabase();
    return await applySeed(database, path, { waitMs: context.settings.lockWaitMs.value, signal: context.signal });
  },
  render: ({ file, inserted }, style) => [
    ...tableLines(
      [{ title: "table" }, { title: "rows", align: "right" }],
      inserted.map(({ table, rows }) => [table, formatCount(rows)]),
      style,
    ),
    "",
    `${plural(
      inserted.reduce((sum, { rows }) => sum + rows, 0),
      "row",
    )} inserted from ${file}`,
  ],
});
