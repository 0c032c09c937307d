import { RoomctlError } from "../core/errors.js";
import { quoteIdentifier } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import type { MigrationFile } from "../migrate/files.js";
import type { MigrationHistory } from "../migrate/history.js";
import { requireMigration } from "../migrate/names.js";

export interface StateRange {
  /** The last migration that the old release knows: a name, a number or the beginning of a name. */
  readonly from?: string;
  /** The last one of the new state; the newest unless told. */
  readonly to?: string;
}

export interface StateFiles {
  readonly before: readonly MigrationFile[];
  readonly after: readonly MigrationFile[];
  /** Where the files cannot tell what the database holds. */
  readonly warnings: readonly string[];
}

/**
 * Which migrations lead to the old state, and which from there to the new one. Without `from` the old state is what a
 * database has applied. Pure. Throws E_UNKNOWN_MIGRATION, and E_USAGE when there is nothing to tell the old state by.
 */
export function chooseStates(
  files: readonly MigrationFile[],
  { from, to }: StateRange,
  history: MigrationHistory | undefined,
): StateFiles {
  const names = files.map(({ name }) => name);
  const indexOf = (text: string) => names.indexOf(requireMigration(names, text));
  const end = to === undefined ? files.length : indexOf(to) + 1;
  if (from === undefined) {
    if (history === undefined) throw noOldState();
    const applied = new Map(
      history.records.filter(({ isApplied }) => isApplied).map(({ name, checksum }) => [name, checksum]),
    );
    return {
      before: files.filter(({ name }) => applied.has(name)),
      after: files.slice(0, end).filter(({ name }) => !applied.has(name)),
      warnings: doubts(files, applied),
    };
  }
  const start = indexOf(from) + 1;
  if (start <= end) return { before: files.slice(0, start), after: files.slice(start, end), warnings: [] };
  throw new RoomctlError("E_USAGE", `--to ${to} comes before --from ${from}`, {
    hint: "--from is the last migration that the old release knows, --to the last one of the new schema",
  });
}

/** The search_path of a database for the role that is connected, with the role's own schema by its name. */
export async function readSearchPath(queryable: Queryable): Promise<string> {
  const [row] = await queryable.query<{ path: string; role: string }>(
    `SELECT current_setting('search_path') AS path, current_user::text AS role`,
  );
  return resolveSearchPath(row?.path ?? "", row?.role);
}

/** Puts a role's name in for `"$user"`, or leaves that out: on a scratch server it would be another role's. */
export function resolveSearchPath(path: string, role: string | undefined): string {
  return path
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .flatMap((part) => {
      if (!/^"?\$user"?$/i.test(part)) return [part];
      return role === undefined ? [] : [quoteIdentifier(role)];
    })
    .join(", ");
}

function doubts(files: readonly MigrationFile[], applied: ReadonlyMap<string, string | null>): readonly string[] {
  const known = new Set(files.map(({ name }) => name));
  const missing = [...applied.keys()].filter((name) => !known.has(name));
  const edited = files.filter(({ name, checksum }) => (applied.get(name) ?? checksum) !== checksum);
  return [
    ...missing.map((name) => `${name} is applied and has no file here: the old schema is built without it`),
    ...edited.map(
      ({ name }) => `${name} was edited after it was applied: the old schema is built with what it says now`,
    ),
  ];
}

function noOldState(): RoomctlError {
  return new RoomctlError("E_USAGE", "nothing says which schema the old release knows", {
    hint: "name its last migration with --from NNNN, or the database that it runs on with --database-url URL",
  });
}
