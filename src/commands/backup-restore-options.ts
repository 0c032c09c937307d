import { RoomctlError } from "../core/errors.js";
import type { QualifiedName } from "../db/identifier.js";
import { parseJobs, parseTables } from "./backup-create-options.js";
import type { Flag, ParsedInput } from "./command.js";
import { allowFlag } from "./guarding.js";
import { directoryFlag } from "./migrate-options.js";

/**
 * Where a backup goes. `here`: into the configured database, which has no tables, or empty ones. `new`: into a database
 * that is made. `swap`: into one that takes the place of the configured one. `replace`: into tables that hold rows.
 * `look`: into a schema of its own, beside what is there.
 */
export type RestoreWay =
  | { readonly kind: "here" }
  | { readonly kind: "new"; readonly name: string }
  | { readonly kind: "swap" }
  | { readonly kind: "replace"; readonly token: string | undefined; readonly takesBackup: boolean }
  | { readonly kind: "look"; readonly schema: string };

export interface BackupRestoreOptions {
  readonly backup: string;
  readonly way: RestoreWay;
  readonly tables: readonly QualifiedName[] | undefined;
  /** `true` for a bare --confirm, else the name that was typed. */
  readonly confirm: string | true | undefined;
  /** Guards that the operator steps over, by name. */
  readonly allowed: readonly string[];
  readonly isDryRun: boolean;
  /** Sessions that load and build at the same time. */
  readonly jobs: number;
  readonly searchPath: string | undefined;
}

export const backupRestoreFlags: readonly Flag[] = [
  { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups)" },
  directoryFlag,
  { flags: "--table <name>", description: "Restore only this table, with its partitions", isRepeatable: true },
  {
    flags: "--new-database <name>",
    description: "Make a database of this name on the same server, and restore into it",
  },
  {
    flags: "--swap",
    description:
      "Restore into a new database and let it take the configured one's place, which is kept under another name",
    isConsent: true,
  },
  {
    flags: "--replace",
    description: "Let the backup's rows replace those that its tables hold, after a backup of them",
    isConsent: true,
  },
  { flags: "--schema-into <schema>", description: "Put plain copies of the tables into a new schema, to look at" },
  {
    flags: "--confirm [database]",
    description: "Consent: asks for the database's name on a terminal; give the name where there is none",
    isConsent: true,
  },
  { flags: "--plan <token>", description: "Consent to exactly the plan of this token of --replace", isConsent: true },
  allowFlag,
  { flags: "--no-backup", description: "With --replace: keep no copy of the rows that go", isConsent: true },
  { flags: "--jobs <n>", description: "How many connections load and build at once (default: one per core, 2 to 4)" },
  {
    flags: "--search-path <schemas>",
    description: "For functions of the schema that call others by bare names (default: none but the system's)",
  },
  { flags: "--dry-run", description: "Show the plan and change nothing" },
];

/** Throws E_USAGE. */
export function parseBackupRestore({ words, flags }: ParsedInput): BackupRestoreOptions {
  const { table, confirm, allow, dryRun, jobs, searchPath } = flags;
  const options = {
    backup: words[0] ?? "latest",
    way: parseWay(flags),
    tables: parseTables(table),
    confirm: typeof confirm === "string" || confirm === true ? confirm : undefined,
    allowed: Array.isArray(allow) ? allow : [],
    isDryRun: dryRun === true,
    jobs: parseJobs(jobs),
    searchPath: typeof searchPath === "string" ? searchPath : undefined,
  } as const;
  assertSensible(options, flags);
  return options;
}

function parseWay({ newDatabase, swap, replace, schemaInto, plan, backup }: ParsedInput["flags"]): RestoreWay {
  const token = typeof plan === "string" ? plan : undefined;
  const ways: readonly RestoreWay[] = [
    ...(typeof newDatabase === "string"
      ? [{ kind: "new", name: parseNew("--new-database", newDatabase) } as const]
      : []),
    ...(swap === true ? [{ kind: "swap" } as const] : []),
    ...(replace === true ? [{ kind: "replace", token, takesBackup: backup !== false } as const] : []),
    ...(typeof schemaInto === "string"
      ? [{ kind: "look", schema: parseNew("--schema-into", schemaInto) } as const]
      : []),
  ];
  const [way, other] = ways;
  if (other === undefined) return way ?? { kind: "here" };
  throw usage("--new-database, --swap, --replace and --schema-into are different ways: give one of them");
}

/** A name that the server would refuse, or cut without a word, is found before anything is restored. */
function parseNew(flag: string, name: string): string {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw usage(`${flag} is empty`);
  if (bytes > longestName) throw usage(`${flag} takes a name of ${longestName} bytes at most, and this has ${bytes}`);
  if (flag === "--schema-into" && name.startsWith("pg_"))
    throw usage("PostgreSQL keeps schemas that begin with pg_ for itself");
  return name;
}

/** NAMEDATALEN less one. */
const longestName = 63;

/** What was given and would have no effect is a misunderstanding, and worst where it was meant as a consent. */
function assertSensible(
  { way, tables, confirm, allowed }: BackupRestoreOptions,
  { plan, backup }: ParsedInput["flags"],
): void {
  if (way.kind !== "replace" && (plan !== undefined || backup === false)) {
    throw usage("--plan and --no-backup belong to --replace");
  }
  if (way.kind !== "replace" && way.kind !== "swap" && confirm !== undefined) {
    throw usage("--confirm belongs to --swap and --replace: nothing else here loses anything");
  }
  if (way.kind !== "replace" && way.kind !== "swap" && allowed.length > 0) {
    throw usage("--allow belongs to --swap and --replace: no guard stands before the others");
  }
  if ((way.kind === "new" || way.kind === "swap") && tables !== undefined) {
    throw usage(
      "a database is restored whole: --table goes with --schema-into, --replace, or a database that has its tables",
    );
  }
}

function usage(message: string): RoomctlError {
  return new RoomctlError("E_USAGE", message, { hint: "roomctl backup restore --help" });
}
