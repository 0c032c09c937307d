import { dirname } from "node:path";
import { isBlank } from "../db/statements.js";
import type { MigrationFile } from "./files.js";
import { isHalfRedone, type MigrationHistory, type MigrationRecord, type MigrationRun } from "./history.js";
import { newMigrationCommand, versionOf } from "./names.js";
import { checksumOfDone } from "./outside.js";
import { resumeFrom } from "./run-log.js";
import { controlWordOf, encodingHint, encodingMessage, findPsqlOnly, type Script } from "./script.js";

/** Something about the files and the database that do not fit each other. */
export interface MigrationFinding {
  readonly kind:
    | "edited"
    | "empty"
    | "missing-file"
    | "out-of-order"
    | "interrupted"
    | "own-transaction"
    | "changed-midway"
    | "foreign-history"
    | "psql-only"
    | "client-encoding";
  /** Empty where it is about the database as a whole. */
  readonly migration: string;
  readonly message: string;
  readonly hint: string;
}

/** Holds the files, and the scripts of pending ones, against the history. Pure; findings come in the order of the migrations. */
export function findMismatches(
  files: readonly MigrationFile[],
  history: MigrationHistory,
  scripts: ReadonlyMap<string, Script> = new Map(),
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
      ...(record?.isApplied ? [] : scriptFindings(file, scripts.get(file.name), record?.lastRun)),
    ];
  });
  const fileNames = new Set(files.map(({ name }) => name));
  const missing = applied.filter(({ name }) => !fileNames.has(name)).map(({ name }) => missingFile(name));
  const interrupted = history.isMigratorAtWork
    ? []
    : history.records.flatMap((record) => (isHalfRedone(record) ? [halfRedone(record)] : interruptedRun(record)));
  return [...fromFiles, ...missing, ...interrupted].sort((a, b) =>
    versionOf(a.migration) < versionOf(b.migration) ? -1 : 1,
  );
}

/** Another tool keeps its own history in this database. */
export function foreignHistory(table: string, tool: string): MigrationFinding {
  return {
    kind: "foreign-history",
    migration: "",
    message: `roomctl applied nothing here yet, but ${tool} keeps a history in ${table}`,
    hint: "if these files are what it applied, name the last one that it did: roomctl migrate baseline 0007",
  };
}

function scriptFindings(
  { name }: MigrationFile,
  script: Script | undefined,
  run: MigrationRun | null | undefined,
): readonly MigrationFinding[] {
  const control = script && controlWordOf(script);
  if (script && control) {
    return [
      {
        kind: "own-transaction",
        migration: name,
        message: `${script.path}:${script.ownControl?.line} has its own ${control}, and would be left half applied`,
        hint: "take it out: roomctl runs each file in one transaction, or each statement by itself where it must",
      },
    ];
  }
  const psqlOnly = script && findPsqlOnly(script);
  if (script && psqlOnly) {
    return [
      {
        kind: "psql-only",
        migration: name,
        message: `${script.path}:${psqlOnly.line} is for psql alone: ${psqlOnly.text.split("\n", 1)[0]?.slice(0, 60)}`,
        hint: "write it as SQL that the server runs: rows as INSERT, no commands that begin with a backslash",
      },
    ];
  }
  if (script?.encodingChange) {
    return [
      {
        kind: "client-encoding",
        migration: name,
        message: encodingMessage(script, script.encodingChange),
        hint: encodingHint,
      },
    ];
  }
  const { statementsDone, doneChecksum } = resumeFrom(run, "up");
  if (script === undefined || doneChecksum === null || doneChecksum === checksumOfDone(script, statementsDone))
    return [];
  return [
    {
      kind: "changed-midway",
      migration: name,
      message: `${name} ran ${statementsDone} of its statements outside of a transaction, and these were changed since`,
      hint: "bring them back as they were; only what did not run yet may change",
    },
  ];
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

function halfRedone({ name }: MigrationRecord): MigrationFinding {
  return {
    kind: "interrupted",
    migration: name,
    message: `redoing ${name} was interrupted: it is undone, and was not applied again`,
    hint: "apply it again: roomctl migrate",
  };
}

function interruptedRun(record: MigrationRecord): readonly MigrationFinding[] {
  if (record.lastRun?.state !== "running") return [];
  const { direction, isRedo } = record.lastRun;
  const undo = isRedo ? "redo" : "down";
  // The transaction was committed and only the word "done" is missing: the next run writes it.
  if (record.isApplied === (direction === "up")) return [];
  return [
    {
      kind: "interrupted",
      migration: record.name,
      message: `${direction === "up" ? "" : "undoing "}${record.name} was interrupted; ${whatRemains(record.lastRun)}`,
      hint: `run it again: roomctl migrate${direction === "up" ? "" : ` ${undo}`}`,
    },
  ];
}

function whatRemains(run: MigrationRun | null): string {
  if (run === null || run.isTransactional) return "its transaction was rolled back";
  return `${run.statementsDone} of ${run.statements ?? "its"} statements are done, and the next run goes on after them`;
}
