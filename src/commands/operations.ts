import { RoomctlError } from "../core/errors.js";
import { type Operation, type OperationKind, operationKinds, readOperation, readOperations } from "../db/operations.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatTime, printable } from "../report/text.js";
import { defineCommand, type ParsedInput } from "./command.js";
import { describeOperation, type OperationWords, valueLines } from "./operations-words.js";

interface OperationsOptions {
  readonly limit: number;
  readonly kinds: readonly OperationKind[] | undefined;
  /** Only this one, in full. */
  readonly id: number | undefined;
}

interface OperationsResult {
  readonly operations: readonly (Operation & OperationWords)[];
  readonly isInFull: boolean;
}

const defaultLimit = 20;

export const operations = defineCommand<OperationsOptions, OperationsResult>({
  name: "operations",
  summary: "List what roomctl did to this database: who, when, with which result",
  description: ["With a number it shows that operation in full: the plan that was agreed to, and what became of it."],
  words: [{ syntax: "[words...]", description: "a number of the list, to show it in full: 12, or: show 12" }],
  flags: [
    { flags: "--limit <count>", description: `How many, the newest first (default: ${defaultLimit})` },
    {
      flags: "--kind <kind>",
      description: `Only these: ${operationKinds.join(", ")}; may be repeated`,
      isRepeatable: true,
    },
  ],
  examples: [
    { command: "roomctl operations --limit 5", explanation: "the last five operations" },
    { command: "roomctl operations --kind wipe", explanation: "wipes only, with their receipts" },
    { command: "roomctl operations 1", explanation: "the first one in full" },
  ],
  parse: parseOperations,
  async run({ limit, kinds, id }, context) {
    await using database = await context.openDatabase();
    if (id === undefined) {
      const found = await readOperations(database, limit, kinds);
      return { operations: found.map((one) => ({ ...one, ...describeOperation(one) })), isInFull: false };
    }
    const found = await readOperation(database, id);
    if (found) return { operations: [{ ...found, ...describeOperation(found) }], isInFull: true };
    throw new RoomctlError("E_USAGE", `there is no operation ${id} in this database`, {
      hint: context.repeat("roomctl operations"),
    });
  },
  render({ operations: found, isInFull }, style) {
    if (isInFull) return found.flatMap((one) => operationLines(one, style));
    return found.length === 0 ? ["roomctl has not changed the data of this database yet"] : listLines(found, style);
  },
});

function listLines(found: OperationsResult["operations"], style: Style): string[] {
  return tableLines(
    ["id", "when", "what", "who", "role", "plan", "result", "receipt"].map((title) => ({ title })),
    found.map((one) => [
      String(one.id),
      formatTime(one.finishedAt),
      one.kind,
      `${one.osUser}@${one.host}`,
      one.role,
      planWords(one),
      one.outcome,
      one.receipt ?? "–",
    ]),
    style,
  );
}

function operationLines(one: Operation & OperationWords, style: Style): string[] {
  return [
    `${style.strong(`operation ${one.id}`)}: ${one.kind}`,
    `when      ${formatTime(one.startedAt)} to ${formatTime(one.finishedAt)}`,
    `who       ${printable(`${one.osUser}@${one.host}`)} as ${printable(one.role)}, roomctl ${printable(one.toolVersion)}`,
    `plan      ${printable(planWords(one))}`,
    `result    ${printable(one.outcome)}`,
    `receipt   ${printable(one.receipt ?? "–")}`,
    ...(one.kind === "wipe" && one.receipt ? [`undo      roomctl wipe undo ${printable(one.receipt)}`] : []),
    "",
    style.strong("the plan"),
    ...valueLines(one.plan, "  ").map(printable),
    "",
    style.strong("the result"),
    ...valueLines(one.result, "  ").map(printable),
  ];
}

function planWords({ choice, token }: OperationWords): string {
  const words = [...(choice === null ? [] : [choice]), ...(token === null ? [] : [`(${token})`])];
  return words.join(" ") || "–";
}

function parseOperations({ words, flags }: ParsedInput): OperationsOptions {
  const ids = words[0] === "show" ? words.slice(1) : words;
  const id = ids.length === 0 && words.length === 0 ? undefined : parseId(ids);
  return { limit: parseLimit(flags["limit"]), kinds: parseKinds(flags["kind"]), id };
}

function parseId(ids: readonly string[]): number {
  const [id] = ids;
  if (ids.length === 1 && id !== undefined && /^[1-9]\d{0,8}$/.test(id)) return Number(id);
  throw new RoomctlError("E_USAGE", `not the number of an operation: ${JSON.stringify(ids.join(" "))}`, {
    hint: "roomctl operations, then roomctl operations NUMBER",
  });
}

function parseKinds(given: unknown): readonly OperationKind[] | undefined {
  if (!Array.isArray(given)) return undefined;
  return given.map((text: unknown) => {
    const kind = operationKinds.find((known) => known === text);
    if (kind !== undefined) return kind;
    throw new RoomctlError("E_USAGE", `there is no kind of operation ${JSON.stringify(text)}`, {
      hint: `--kind is one of: ${operationKinds.join(", ")}`,
    });
  });
}

function parseLimit(text: unknown): number {
  if (text === undefined) return defaultLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit > 0 && limit <= 100_000) return limit;
  throw new RoomctlError("E_USAGE", `--limit is not a count: ${JSON.stringify(text)}`, {
    hint: "roomctl operations --limit 20",
  });
}
