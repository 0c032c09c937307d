import type { AnyCommand } from "./command.js";

/** What `roomctl --help` needs to know of a command without loading it. */
interface Entry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<AnyCommand>;
}

export interface CommandEntry extends Entry {
  readonly group: CommandGroup;
}

export const commandGroups = ["Schema", "Data", "Recovery", "Tool"] as const;
type CommandGroup = (typeof commandGroups)[number];

/** In the order of the help page. A test holds the summaries against the definitions. */
const entriesByGroup: Readonly<Record<CommandGroup, readonly Entry[]>> = {
  Schema: [
    {
      name: "migrate up",
      summary: "Apply the migrations that the database does not have yet",
      load: async () => (await import("./migrate-up.js")).migrateUp,
    },
    {
      name: "migrate status",
      summary: "Show each migration: applied, pending, interrupted or edited",
      load: async () => (await import("./migrate-status.js")).migrateStatus,
    },
    {
      name: "migrate plan",
      summary: "Show what migrate would run, and change nothing",
      load: async () => (await import("./migrate-plan.js")).migratePlan,
    },
    {
      name: "migrate lint",
      summary: "Find what is dangerous in migrations before they run",
      load: async () => (await import("./migrate-lint.js")).migrateLint,
    },
    {
      name: "migrate down",
      summary: "Undo the newest migration, asking before data would be lost",
      load: async () => (await import("./migrate-down.js")).migrateDown,
    },
    {
      name: "migrate trace",
      summary: "Run pending migrations on a scratch server and show what each statement locks",
      load: async () => (await import("./migrate-trace.js")).migrateTrace,
    },
    {
      name: "migrate redo",
      summary: "Undo the newest migration and apply it again, as its files are now",
      load: async () => (await import("./migrate-redo.js")).migrateRedo,
    },
    {
      name: "migrate baseline",
      summary: "Take over a database that another tool or hand built, up to a migration",
      load: async () => (await import("./migrate-baseline.js")).migrateBaseline,
    },
    {
      name: "migrate prove",
      summary: "Prove on a scratch server that migrations can be run again, cut off and undone",
      load: async () => (await import("./migrate-prove.js")).migrateProve,
    },
    {
      name: "migrate new",
      summary: "Write the two empty files of a new migration",
      load: async () => (await import("./migrate-new.js")).migrateNew,
    },
    {
      name: "migrate compat",
      summary: "Prove that the previous release's queries still work on the new schema",
      load: async () => (await import("./migrate-compat.js")).migrateCompat,
    },
    {
      name: "migrate drift",
      summary: "Find what in the database is not as its migrations built it",
      load: async () => (await import("./migrate-drift.js")).migrateDrift,
    },
    {
      name: "audit",
      summary: "Say which state survives a restart, and find what is wrong",
      load: async () => (await import("./audit.js")).audit,
    },
  ],
  Data: [
    {
      name: "wipe",
      summary: "Delete the rows of chosen scopes after showing exactly what would go",
      load: async () => (await import("./wipe.js")).wipe,
    },
    {
      name: "wipe scopes",
      summary: "List the scopes and their tables",
      load: async () => (await import("./wipe-scopes.js")).wipeScopes,
    },
    {
      name: "wipe undo",
      summary: "Bring back what a wipe deleted or reset, proven by fingerprint",
      load: async () => (await import("./wipe-undo.js")).wipeUndo,
    },
    {
      name: "wipe receipts",
      summary: "List the wipes of this database, and which of them can be undone",
      load: async () => (await import("./wipe-receipts.js")).wipeReceipts,
    },
    {
      name: "sequences check",
      summary: "Find sequences that would hand out ids that exist",
      load: async () => (await import("./sequences-check.js")).sequencesCheck,
    },
    {
      name: "sequences reset",
      summary: "Move sequences past the ids that exist",
      load: async () => (await import("./sequences-reset.js")).sequencesReset,
    },
    {
      name: "backup create",
      summary: "Back up every table from one consistent snapshot",
      load: async () => (await import("./backup-create.js")).backupCreate,
    },
    {
      name: "backup list",
      summary: "List the backups of the repository",
      load: async () => (await import("./backup-list.js")).backupList,
    },
    {
      name: "backup verify",
      summary: "Read a backup completely and name what is damaged",
      load: async () => (await import("./backup-verify.js")).backupVerify,
    },
    {
      name: "backup prune",
      summary: "Delete backups that no keep rule holds, never the newest verified ones",
      load: async () => (await import("./backup-prune.js")).backupPrune,
    },
    {
      name: "backup pin",
      summary: "Keep a backup whatever the rules of prune say",
      load: async () => (await import("./backup-pin.js")).backupPin,
    },
    {
      name: "backup unpin",
      summary: "Let prune decide about a pinned backup again",
      load: async () => (await import("./backup-unpin.js")).backupUnpin,
    },
    {
      name: "backup restore",
      summary: "Load a backup into an empty, a new or the configured database",
      load: async () => (await import("./backup-restore.js")).backupRestore,
    },
    {
      name: "backup schedule",
      summary: "Print a crontab line, systemd units or a Kubernetes CronJob that makes backups",
      load: async () => (await import("./backup-schedule.js")).backupSchedule,
    },
    {
      name: "backup drill",
      summary: "Restore a backup on a scratch server and prove that it is what was there",
      load: async () => (await import("./backup-drill.js")).backupDrill,
    },
  ],
  Recovery: [
    {
      name: "recover",
      summary: "Bring back what a restart interrupted, or show what would come back",
      load: async () => (await import("./recover.js")).recover,
    },
    {
      name: "serve",
      summary: "Run the reference room server: calls and chats in memory first, recovered after a restart",
      load: async () => (await import("./serve.js")).serve,
    },
  ],
  Tool: [
    {
      name: "seed",
      summary: "Fill an empty development database with demonstration data",
      load: async () => (await import("./seed.js")).seed,
    },
    {
      name: "operations",
      summary: "List what roomctl did to this database: who, when, with which result",
      load: async () => (await import("./operations.js")).operations,
    },
    {
      name: "doctor",
      summary: "Check configuration, connection, rights and schema",
      load: async () => (await import("./doctor.js")).doctor,
    },
    {
      name: "config show",
      summary: "Show every setting and where it came from",
      load: async () => (await import("./config-show.js")).configShow,
    },
    {
      name: "config mark",
      summary: "Mark the database as development, staging or production",
      load: async () => (await import("./config-mark.js")).configMark,
    },
    {
      name: "config protect",
      summary: "Protect a table from every wipe, or list the protected ones",
      load: async () => (await import("./config-protect.js")).configProtect,
    },
    {
      name: "config unprotect",
      summary: "Take a table's protection from wipes away",
      load: async () => (await import("./config-unprotect.js")).configUnprotect,
    },
    {
      name: "embedded start",
      summary: "Start the embedded PostgreSQL and leave it running",
      load: async () => (await import("./embedded-start.js")).embeddedStart,
    },
    {
      name: "embedded stop",
      summary: "Stop the embedded PostgreSQL",
      load: async () => (await import("./embedded-stop.js")).embeddedStop,
    },
    {
      name: "completion",
      summary: "Print the completion script of a shell",
      load: async () => (await import("./completion.js")).completion,
    },
  ],
};

/** Every command, in the order of the help page. */
export const commandEntries: readonly CommandEntry[] = commandGroups.flatMap((group) =>
  entriesByGroup[group].map((entry) => ({ ...entry, group })),
);

/** Commands that a shorter word stands for. Such a command takes no words of its own. */
export const defaultCommands: Readonly<Record<string, string>> = {
  migrate: "migrate up",
  sequences: "sequences check",
  config: "config show",
};
