import { formatName, parseName, type QualifiedName } from "../db/identifier.js";
import { protectTable, readProtected } from "../db/protected.js";
import { withTransaction } from "../db/transaction.js";
import { tableLines } from "../report/table.js";
import { formatTime } from "../report/text.js";
import { defineCommand, type ParsedInput } from "./command.js";

interface ConfigProtectOptions {
  /** Absent to list only. */
  readonly table: QualifiedName | undefined;
  readonly note: string | null;
}

interface ConfigProtectResult {
  readonly database: string;
  /** The table that is protected now; null when it was only asked. */
  readonly protected: string | null;
  readonly tables: readonly ListedTable[];
}

interface ListedTable {
  readonly table: string;
  readonly since: Date | null;
  /** The role that protected it, or `the configuration`. */
  readonly by: string;
  readonly note: string | null;
}

export const configProtect = defineCommand<ConfigProtectOptions, ConfigProtectResult>({
  name: "config protect",
  summary: "Protect a table from every wipe, or list the protected ones",
  description: [
    "The list is stored in the database itself, by name: it holds for every operator, and for a table that is dropped and made again.",
    "Its partitions and the tables that inherit from it are protected with it. No --allow steps over it: only roomctl config unprotect does.",
  ],
  words: [{ syntax: "[table]", description: "table, schema.table; without it the protected tables are listed" }],
  flags: [{ flags: "--note <text>", description: "Why, for who is refused" }],
  examples: [
    { command: "roomctl config protect", explanation: "list the protected tables" },
    { command: "roomctl config protect users --note 'ask the owner first'", explanation: "no wipe empties it now" },
  ],
  parse: parseConfigProtect,
  async run({ table, note }, context) {
    await using database = await context.openDatabase();
    if (table) await withTransaction(database, {}, (connection) => protectTable(connection, table, note));
    const stored = await readProtected(database);
    const configured = context.app.guards?.protectedTables ?? [];
    return {
      database: database.url,
      protected: table ? formatName(table) : null,
      tables: [
        ...stored.map((one) => ({
          table: formatName(one),
          since: one.protectedAt,
          by: one.protectedBy,
          note: one.note,
        })),
        ...configured.map((name) => ({
          table: formatName(parseName(name)),
          since: null,
          by: "the configuration",
          note: null,
        })),
      ],
    };
  },
  render({ database, protected: table, tables }, style) {
    const done = table === null ? [] : [`${style.strong(table)} is now protected in ${database}`, ""];
    if (tables.length === 0) return [...done, `no table of ${database} is protected`];
    const columns = [{ title: "table" }, { title: "since" }, { title: "by" }, { title: "note" }];
    const rows = tables.map(({ table: name, since, by, note }) => [
      name,
      since ? formatTime(since) : "",
      by,
      note ?? "",
    ]);
    return [...done, ...tableLines(columns, rows, style)];
  },
});

function parseConfigProtect({ words: [word], flags: { note } }: ParsedInput): ConfigProtectOptions {
  return {
    table: word === undefined ? undefined : parseName(word),
    note: typeof note === "string" ? note : null,
  };
}
