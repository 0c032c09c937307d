import { openRepository } from "../backup/repository.js";
import { RoomctlError } from "../core/errors.js";
import { tableLines } from "../report/table.js";
import { formatCount, formatTime, printable } from "../report/text.js";
import { type ReceiptState, readWipeRecords, receiptState, type WipeRecord } from "../restore/undo-record.js";
import { defineCommand } from "./command.js";

interface WipeReceiptsResult {
  readonly repository: string;
  /** The newest first. */
  readonly receipts: readonly (WipeRecord & { readonly state: ReceiptState; readonly rowsDeleted: number })[];
}

const defaultLimit = 20;

export const wipeReceipts = defineCommand<{ readonly limit: number }, WipeReceiptsResult>({
  name: "wipe receipts",
  summary: "List the wipes of this database, and which of them can be undone",
  description: [
    "Reads roomctl.operations and looks which backups the repository has. Whether a backup is sound shows when it is read: roomctl backup verify.",
  ],
  flags: [
    { flags: "--limit <count>", description: `How many, the newest first (default: ${defaultLimit})` },
    { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  ],
  examples: [{ command: "roomctl wipe receipts", explanation: "the newest wipes with their receipts" }],
  parse: ({ flags }) => ({ limit: parseLimit(flags["limit"]) }),
  async run({ limit }, context) {
    await using database = await context.openDatabase();
    const repository = openRepository(context.settings.backupRepository.value);
    const records = await readWipeRecords(database);
    const stored = await repository.listIds();
    const receipts = records.slice(0, limit).map((record) => ({
      ...record,
      state: receiptState(record, stored),
      rowsDeleted: record.tables.reduce((sum, table) => sum + table.rowsDeleted, 0),
    }));
    return { repository: repository.location, receipts };
  },
  render: ({ receipts }, style) =>
    receipts.length === 0
      ? ["no wipe of this database is written down"]
      : tableLines(
          [
            ...["when", "receipt", "what", "who"].map((title) => ({ title })),
            ...["deleted", "reset"].map((title) => ({ title, align: "right" }) as const),
            { title: "state" },
          ],
          receipts.map((one) => [
            formatTime(one.finishedAt),
            one.receipt ?? "–",
            printable(one.choice),
            `${one.osUser}@${one.host}`,
            formatCount(one.rowsDeleted),
            formatCount([...one.resets, ...one.detached].reduce((sum, { rowsChanged }) => sum + rowsChanged, 0)),
            describeState(one),
          ]),
          style,
        ),
});

function describeState({ state, undos }: WipeReceiptsResult["receipts"][number]): string {
  const [newest] = undos;
  const done = undos.find(({ isComplete }) => isComplete) ?? newest;
  if (!done || (state !== "undone" && state !== "partly undone")) return state;
  return `${state} by operation ${done.operation}, ${formatTime(done.finishedAt)}`;
}

function parseLimit(text: unknown): number {
  if (text === undefined) return defaultLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= 100_000) return limit;
  throw new RoomctlError("E_USAGE", `--limit is not a count: ${JSON.stringify(text)}`, {
    hint: "roomctl wipe receipts --limit 20",
  });
}
