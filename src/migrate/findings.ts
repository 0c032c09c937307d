import { dirname } from "node:path";
import type { MigrationFile } from "./files.js";
import type { MigrationHistory } from "./history.js";
import { newMigrationCommand, versionOf } from "./names.js";
import { isBlank } from "./statements.js";

/** Something about the files and the database that do not fit each other. */
export interface MigrationFinding {
  readonly kind: "edited" | "empty" | "missing-file" | "out-of-order" | "interrupted";
  readonly migration: string;
  readonly message: string;
  readonly hint: string;
}

/** Holds the files against the history. Pure; findings come in the order of the migrations. */
export function findMismatches(
  files: readonly MigrationFile[],
  history: MigrationHistory,
): readonly MigrationFinding[] {
  const applied = history.records.filter((record) => record.isApplied);
  const newest = applied.reduce((highest, { name }) => (versionOf(name) > highest ? versionOf(name) : highest), -1n);
  const fromFiles = files.flatMap((file) => {
    const record = history.records.find(({ name }) => name === file.name);
    const isEdited = record?.isApplied && record.checksum !== null && record.checksum !== file.checksum;
    const isLate = !record?.isApplied && file.version < newest;
    const isEmpty = !record?.isApplied && isBlank(file.up.sql);
    return [
      ...(isEdited ? [edited(file)] : []),
      ...(isLate ? [outOfOrder(file, applied.length)] : []),
      ...(isEmpty ? [empty(file)] : []),
    ];
  });
  const fileNames = new Set(files.map(({ name }) => name));
  const missing = applied.filter(({ name }) => !fileNames.has(name)).map(({ name }) => missingFile(name));
  const interrupted = history.isMigratorAtWork
    ? []
    : history.records.filter(({ lastRun }) => lastRun?.state === "running").flatMap(interruptedRun);
  return [...fromFiles, ...missing, ...interrupted].sort((a, b) =>
    versionOf(a.migration) < versionOf(b.migration) ? -1 : 1,
  );
}

function edited({ name, up }: MigrationFile): MigrationFinding {
  return {
    kind: "edited",
    migration: name,
    message: `${name} was changed after it was applied`,
    hint: `bring ${up.path} back as it was, and put the change in a new migration: ${newMigrationCommand(dirname(up.path))}`,
  };
}

function empty({ name, up }: MigrationFile): MigrationFinding {
  return {
    kind: "empty",
    migration: name,
    message: `${up.path} holds no statement yet`,
    hint: "write it, or remove its files",
  };
}

function outOfOrder({ name }: MigrationFile, appliedCount: number): MigrationFinding {
  return {
    kind: "out-of-order",
    migration: name,
    message: `${name} is not applied, but ${appliedCount === 1 ? "a migration" : "migrations"} after it already ran`,
    hint: "give it a number after the newest, or run it where it is: roomctl migrate up --allow-out-of-order",
  };
}

function missingFile(name: string): MigrationFinding {
  return {
    kind: "missing-file",
    migration: name,
    message: `${name} is applied, but its file is not here`,
    hint: "use the folder of the release that applied it (--dir DIR); without the file it cannot be undone",
  };
}

function interruptedRun(record: MigrationHistory["records"][number]): readonly MigrationFinding[] {
  const direction = record.lastRun?.direction ?? "up";
  // The transaction was committed and only the word "done" is missing: the next run writes it.
  if (record.isApplied === (direction === "up")) return [];
  return [
    {
      kind: "interrupted",
      migration: record.name,
      message: `${direction === "up" ? "" : "undoing "}${record.name} was interrupted; its transaction was rolled back`,
      hint: direction === "up" ? "run it again: roomctl migrate" : "run it again: roomctl migrate down",
    },
  ];
}
