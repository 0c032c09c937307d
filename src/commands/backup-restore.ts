import { readSelectable } from "../backup/selection.js";
import { openSoundBackup, openUnreadBackup, type SoundBackup } from "../backup/verify.js";
import { RoomctlError } from "../core/errors.js";
import type { Database } from "../db/pool.js";
import { readUnfinished } from "../restore/ledger.js";
import { type LookResult, planLook, restoreLook } from "../restore/look.js";
import { hasScripts } from "../restore/schema.js";
import {
  lookLines,
  replacePlanLines,
  restorePlanLines,
  restoreReceiptLines,
  wholePlanLines,
  wholeReceiptLines,
} from "./backup-restore-lines.js";
import { restoreNew, restoreSwapped } from "./backup-restore-new.js";
import { type BackupRestoreOptions, backupRestoreFlags, parseBackupRestore } from "./backup-restore-options.js";
import { type RowsRestored, replaceRows, restoreRows } from "./backup-restore-rows.js";
import { restoreHere, type WholeRestored } from "./backup-restore-whole.js";
import { type CommandContext, defineCommand } from "./command.js";

/** Rows of a backup lie in a schema of their own, beside those of the database. */
interface Looked {
  readonly kind: "look";
  readonly applied: boolean;
  readonly plan: { readonly backup: string; readonly schema: string; readonly tables: number; readonly rows: number };
  readonly receipt: LookResult | null;
}

type BackupRestoreResult = RowsRestored | WholeRestored | Looked;

export const backupRestore = defineCommand<BackupRestoreOptions, BackupRestoreResult>({
  name: "backup restore",
  summary: "Load a backup into an empty, a new or the configured database",
  description: [
    "Verifies the whole backup before it changes a database that is there, and each block as it loads it. A database without tables gets schema and rows; in one that has its tables these must be empty. So nothing can be lost, and no consent is asked.",
    "--new-database makes another database beside it; --swap lets that take the configured one's place and keeps the old one; --replace empties the tables first, after a backup of them; --schema-into only shows the rows. Two of these need consent.",
    "Every table is read back and compared with its fingerprint. A restore of a whole database that was cut off goes on where it was when the command is run again; one into tables that are there is all or nothing.",
  ],
  words: [{ syntax: "[backup]", description: "Its id, the beginning of it, or latest (the default)" }],
  flags: backupRestoreFlags,
  examples: [
    { command: "roomctl backup restore --dry-run", explanation: "what restoring the newest backup would do" },
    { command: "roomctl backup restore latest", explanation: "restore the newest backup into an empty database" },
    {
      command: "roomctl backup restore latest --new-database app_copy",
      explanation: "make a database beside the configured one",
    },
    { command: "roomctl backup restore latest --swap", explanation: "show what would take the configured one's place" },
    {
      command: "roomctl backup restore latest --replace",
      explanation: "show which rows would be replaced",
    },
    {
      command: "roomctl backup restore latest --schema-into look --table users",
      explanation: "see what one table held, beside what it holds",
    },
  ],
  parse: parseBackupRestore,
  run: runRestore,
  render(result, style) {
    switch (result.kind) {
      case "look":
        return lookLines(result.plan, result.receipt, style);
      case "whole":
        return result.applied ? wholeReceiptLines(result, style) : wholePlanLines(result, style);
      case "rows": {
        const { receipt, token, next, plan } = result;
        if (receipt !== null) return restoreReceiptLines({ ...result, receipt }, style);
        if (token === undefined || next === undefined) return restorePlanLines(plan, style);
        return replacePlanLines({ plan, token, next }, style);
      }
    }
  },
});

async function runRestore(options: BackupRestoreOptions, context: CommandContext): Promise<BackupRestoreResult> {
  const { signal, onProgress, settings } = context;
  const { way } = options;
  const repository = settings.backupRepository.value;
  if (way.kind === "new" || way.kind === "swap") {
    const backup = await openUnreadBackup(repository, options.backup);
    const { value: target } = await context.resolveTarget();
    const request = { backup, options, context, target };
    return way.kind === "new" ? await restoreNew(request, way.name) : await restoreSwapped(request);
  }
  const backup = await openSoundBackup(repository, options.backup, { signal, onProgress });
  await using database = await context.openDatabase();
  if (way.kind === "look") return await look(database, backup, { schema: way.schema, options, context });
  if (way.kind === "replace") return await replaceRows(database, backup, { way, options, context });
  return (await isForWhole(database, backup, options))
    ? await restoreHere(database, backup, options, context)
    : await restoreRows(database, backup, options, context);
}

/** A database without tables gets all of the backup, by its scripts; one whose restore was cut off, the rest. */
async function isForWhole(database: Database, backup: SoundBackup, { tables }: BackupRestoreOptions): Promise<boolean> {
  // Before the ledger: what makes these tables at this moment has one when we look, or has ended.
  const present = await readSelectable(database);
  const unfinished = await readUnfinished(database);
  if (unfinished !== undefined && tables !== undefined) {
    throw new RoomctlError(
      "E_USAGE",
      "a restore of the whole database is not finished here, and --table cannot finish it",
      {
        hint: `roomctl backup restore ${unfinished}`,
      },
    );
  }
  if (unfinished !== undefined) return true;
  if (tables !== undefined || !backup.manifest.isWhole || !hasScripts(backup.manifest)) return false;
  return present.length === 0;
}

interface LookRequest {
  readonly schema: string;
  readonly options: BackupRestoreOptions;
  readonly context: CommandContext;
}

async function look(database: Database, backup: SoundBackup, request: LookRequest): Promise<Looked> {
  const { schema, options, context } = request;
  const { clock, signal, onProgress } = context;
  const tables = planLook(backup, options.tables);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const plan = { backup: backup.manifest.id, schema, tables: tables.length, rows };
  if (options.isDryRun) return { kind: "look", applied: false, plan, receipt: null };
  const receipt = await restoreLook(database, { backup, schema, tables: options.tables, clock, signal, onProgress });
  return { kind: "look", applied: true, plan, receipt };
}
