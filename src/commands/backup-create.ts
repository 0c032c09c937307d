import { type BackupReceipt, createBackup } from "../backup/create.js";
import { formatDuration } from "../core/duration.js";
import { formatName, parseName, type QualifiedName } from "../db/identifier.js";
import { tableLines } from "../report/table.js";
import { formatBytes, formatCount, plural } from "../report/text.js";
import { defineCommand } from "./command.js";

interface BackupCreateOptions {
  readonly tables: readonly QualifiedName[] | undefined;
  readonly note: string | undefined;
}

export const backupCreate = defineCommand<BackupCreateOptions, BackupReceipt>({
  name: "backup create",
  summary: "Back up every table from one consistent snapshot",
  description: [
    "Locks the tables against TRUNCATE and schema changes before it looks at them; readers and writers go on.",
    "A backup appears in the repository when it is complete, never before. It holds the rows of every table, unlogged ones too, and sequence positions; the schema comes back from the migrations.",
  ],
  flags: [
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
    { flags: "--table <name>", description: "Back up only this table, with its partitions", isRepeatable: true },
    { flags: "--note <text>", description: "A remark to keep with the backup" },
  ],
  examples: [
    { command: "roomctl backup create", explanation: "every table" },
    { command: "roomctl backup create --table users --note before-import", explanation: "one table, with a remark" },
  ],
  parse: ({ flags }) => ({
    tables: parseTables(flags["table"]),
    note: typeof flags["note"] === "string" ? flags["note"] : undefined,
  }),
  async run({ tables, note }, context) {
    await using database = await context.openDatabase();
    const receipt = await createBackup(database, {
      repository: context.settings.backupRepository.value,
      tables,
      note,
      clock: context.clock,
      signal: context.signal,
      onProgress: context.onProgress,
      lockWaitMs: context.settings.lockWaitMs.value,
      lockTimeoutMs: context.settings.lockTimeoutMs.value,
    });
    for (const name of receipt.swept) context.tell(`removed ${name}, left behind by a run that was killed`);
    for (const { kind, schema, name, reason } of receipt.skipped) {
      context.warn(`not in the backup: ${kind} ${formatName({ schema, name })} (${reason})`);
    }
    return receipt;
  },
  render(receipt, style) {
    const columns = [
      { title: "table" },
      { title: "rows", align: "right" },
      { title: "stored", align: "right" },
    ] as const;
    const rows = receipt.tables.map((table) => [
      formatName(table),
      formatCount(table.rows),
      formatBytes(table.sizeBytes),
    ]);
    const what = `${plural(receipt.tables.length, "table")}, ${plural(receipt.rows, "row")}, ${formatBytes(receipt.sizeBytes)}`;
    return [
      ...tableLines(columns, rows, style),
      "",
      style.good(`backup ${receipt.id}: ${what} in ${formatDuration(receipt.durationMs)}`),
      receipt.directory,
    ];
  },
});

/** The tables of a repeatable `--table`; undefined when it was not given. Throws E_USAGE. */
export function parseTables(
  given: string | boolean | readonly string[] | undefined,
): readonly QualifiedName[] | undefined {
  if (given === undefined || typeof given === "boolean") return undefined;
  return [given].flat().map(parseName);
}
