import { formatDuration } from "../core/duration.js";
import { exitCodes } from "../core/errors.js";
import {
  type MigrationState,
  type MigrationStatus,
  readMigrationStatus,
  type StatusReport,
} from "../migrate/status.js";
import type { Style } from "../report/style.js";
import { tableLines } from "../report/table.js";
import { formatTime, plural, printable } from "../report/text.js";
import { findingLines } from "./migrate-lines.js";
import { directoryFlag } from "./migrate-options.js";
import { defineParsingCommand } from "./migrate-parsing.js";

interface StatusOptions {
  readonly isCheck: boolean;
}

type StatusResult = StatusReport & { readonly isCheck: boolean };

export const migrateStatus = defineParsingCommand<StatusOptions, StatusResult>({
  name: "migrate status",
  summary: "Show each migration: applied, pending, interrupted or edited",
  description: ["It writes nothing, not even to a database it never saw."],
  flags: [{ flags: "--check", description: "Exit with 3 when anything is pending or does not fit" }, directoryFlag],
  examples: [
    { command: "roomctl migrate status", explanation: "list every migration with its state" },
    { command: "roomctl migrate status --check", explanation: "fail a deployment whose database is behind" },
  ],
  parse: ({ flags }) => ({ isCheck: flags["check"] === true }),
  async run({ isCheck }, context) {
    await using database = await context.openDatabase();
    return { isCheck, ...(await readMigrationStatus(database, context.settings.migrationsDirectory.value)) };
  },
  render: ({ migrations, findings, appliedCount, pendingCount }, style) => [
    ...tableLines(
      columns,
      migrations.map((migration) => rowOf(migration, style)),
      style,
    ),
    "",
    `${plural(appliedCount, "migration")} applied, ${pendingCount} pending`,
    ...failedLines(migrations, style),
    ...findingLines(findings, style),
  ],
  exitCode: ({ isCheck, findings, pendingCount }) =>
    isCheck && (pendingCount > 0 || findings.length > 0) ? exitCodes.findings : exitCodes.ok,
});

const columns = [{ title: "migration" }, { title: "state" }, { title: "applied" }, { title: "try" }, { title: "took" }];

function rowOf(migration: MigrationStatus, style: Style): readonly string[] {
  const { name, state, appliedAt, attempt, durationMs, isFake } = migration;
  return [
    name,
    `${paint(state, style)}${isFake && state === "applied" ? style.faint(" (recorded)") : ""}`,
    appliedAt ? formatTime(appliedAt) : "-",
    attempt === null ? "-" : String(attempt),
    durationMs === null ? "-" : formatDuration(durationMs),
  ];
}

/** What the last try of each failed migration ended with. */
function failedLines(migrations: readonly MigrationStatus[], style: Style): readonly string[] {
  return migrations
    .filter(({ state }) => state === "failed")
    .flatMap(({ name, error }) => [
      `${style.bad("failed:")} ${name}: ${printable(error ?? "for a reason that nobody noted")}`,
      style.faint("  next: see to that, then run it again: roomctl migrate"),
    ]);
}

function paint(state: MigrationState, style: Style): string {
  if (state === "applied") return style.good(state);
  return state === "pending" || state === "running" ? style.warning(state) : style.bad(state);
}
