import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import { formatName, isSameName, parseName, type QualifiedName } from "../db/identifier.js";
import { readProtected, unprotectTable } from "../db/protected.js";
import { withTransaction } from "../db/transaction.js";
import { defineCommand, type ParsedInput } from "./command.js";

interface ConfigUnprotectOptions {
  readonly table: QualifiedName;
  readonly confirm: string | true | undefined;
}

interface ConfigUnprotectResult {
  readonly database: string;
  readonly table: string;
  /** False when the database did not protect it. */
  readonly removed: boolean;
}

export const configUnprotect = defineCommand<ConfigUnprotectOptions, ConfigUnprotectResult>({
  name: "config unprotect",
  summary: "Take a table's protection from wipes away",
  description: ["It asks for consent, as roomctl config mark development does. Nothing is deleted by it."],
  words: [{ syntax: "<table>", description: "as roomctl config protect lists it" }],
  flags: [
    {
      flags: "--confirm [database]",
      description: "Consent: asks for the database's name on a terminal; give the name where there is none",
      isConsent: true,
    },
  ],
  examples: [{ command: "roomctl config unprotect users --confirm", explanation: "wipes may empty it again" }],
  parse: parseConfigUnprotect,
  async run({ table, confirm }, context) {
    await using database = await context.openDatabase();
    const name = formatName(table);
    const entry = (await readProtected(database)).find((one) => isSameName(one, table));
    if (entry) {
      const note = entry.note === null ? "" : `: ${JSON.stringify(entry.note)}`;
      const lines = [
        `This lets wipes empty ${name} in ${database.url}.`,
        `${entry.protectedBy} protected it on ${entry.protectedAt.toISOString()}${note}`,
      ];
      const command = `roomctl config unprotect ${shellWord(name)}`;
      await context.confirm({ database, given: confirm, command, lines });
      await withTransaction(database, {}, (connection) => unprotectTable(connection, table));
    }
    if (context.app.guards?.protectedTables?.some((one) => isSameName(parseName(one), table))) {
      context.warn(`the configuration protects ${name} too, under guards.protectedTables`);
    }
    return { database: database.url, table: name, removed: entry !== undefined };
  },
  render: ({ database, table, removed }, style) => [
    removed
      ? `${style.strong(table)} is no longer protected in ${database}`
      : `${table} was not protected in ${database}`,
  ],
});

function parseConfigUnprotect({ words: [word], flags: { confirm } }: ParsedInput): ConfigUnprotectOptions {
  if (word === undefined) throw new RoomctlError("E_USAGE", "no table was given", { hint: "roomctl config protect" });
  return { table: parseName(word), confirm: typeof confirm === "string" || confirm === true ? confirm : undefined };
}
