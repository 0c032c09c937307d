import { RoomctlError } from "../core/errors.js";
import { type Operation, readOperations } from "../db/operations.js";
import { tableLines } from "../report/table.js";
import { formatTime, plural } from "../report/text.js";
import { defineCommand } from "./command.js";

interface OperationsResult {
  readonly operations: readonly (Operation & { readonly summary: string; readonly receipt: string | null })[];
}

const defaultLimit = 20;

export const operations = defineCommand<{ readonly limit: number }, OperationsResult>({
  name: "operations",
  summary: "List what roomctl did to this database: who, when, with which result",
  flags: [{ flags: "--limit <count>", description: `How many, the newest first (default: ${defaultLimit})` }],
  examples: [{ command: "roomctl operations --limit 5", explanation: "the last five operations" }],
  parse: ({ flags }) => ({ limit: parseLimit(flags["limit"]) }),
  async run({ limit }, context) {
    await using database = await context.openDatabase();
    const found = await readOperations(database, limit);
    return { operations: found.map((one) => ({ ...one, summary: summarize(one), receipt: receiptOf(one) })) };
  },
  render: (result, style) =>
    result.operations.length === 0
      ? ["roomctl has not changed the data of this database yet"]
      : tableLines(
          ["when", "what", "who", "role", "result", "receipt"].map((title) => ({ title })),
          result.operations.map((one) => [
            formatTime(one.finishedAt),
            one.kind,
            `${one.osUser}@${one.host}`,
            one.role,
            one.summary,
            one.receipt ?? "–",
          ]),
          style,
        ),
});

function parseLimit(text: unknown): number {
  if (text === undefined) return defaultLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= 100_000) return limit;
  throw new RoomctlError("E_USAGE", `--limit is not a count: ${JSON.stringify(text)}`, {
    hint: "roomctl operations --limit 20",
  });
}

/** One line about a recorded operation, whichever feature and version of roomctl wrote it. */
function summarize({ plan, result }: Operation): string {
  const scopes = list(field(plan, "scopes"));
  const tables = list(field(result, "tables"));
  const moved = list(field(result, "sequences")).filter((one) => field(one, "state") === "done");
  const sum = (items: readonly unknown[], name: string) =>
    items.reduce<number>((total, item) => total + (Number(field(item, name)) || 0), 0);
  const deleted = sum(tables, "rowsDeleted");
  const restored = Number(field(result, "rows")) || 0;
  const inserted = sum(list(field(result, "inserted")), "rows");
  const parts = [
    ...(scopes.length > 0 ? [scopes.map(String).join(", ")] : []),
    ...(deleted > 0 ? [`${plural(deleted, "row")} deleted`] : []),
    ...(restored > 0 ? [`${plural(restored, "row")} of ${String(field(plan, "backup") ?? "a backup")} restored`] : []),
    ...(inserted > 0 ? [`${plural(inserted, "row")} inserted`] : []),
    ...(moved.length > 0 ? [`${plural(moved.length, "sequence")} moved`] : []),
  ];
  const own = field(result, "summary");
  if (parts.length > 0) return parts.join(": ");
  return typeof own === "string" ? own : "–";
}

function receiptOf({ result }: Operation): string | null {
  const receipt = field(result, "receipt") ?? field(field(result, "backup"), "id");
  return typeof receipt === "string" ? receipt : null;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
