import { backupEnvironment, stricterEnvironment } from "../backup/environment.js";
import type { Manifest } from "../backup/manifest.js";
import { type Environment, environments, readMarker, writeMarker } from "../db/marker.js";
import type { Connection, Queryable } from "../db/pool.js";
import { environmentToMark } from "../migrate/mark.js";
import type { CommandContext } from "./command.js";

export async function readEnvironment(queryable: Queryable): Promise<Environment | null> {
  return (await readMarker(queryable))?.environment ?? null;
}

/** What an empty database is marked as before it gets these rows; undefined leaves it unmarked, which is no less strict. */
export function environmentFor(
  manifest: Manifest,
  host: string,
  { settings }: Pick<CommandContext, "settings">,
): Environment | undefined {
  const source = backupEnvironment(manifest);
  const chosen = environmentToMark(host, settings.environment);
  if (chosen === undefined) return source === "production" ? source : undefined;
  return stricterEnvironment(source, chosen);
}

export interface MarkChoice {
  /** How the target was marked before the restore made roomctl's schema anew: somebody's decision. */
  readonly kept: string | undefined;
  /** The mark is not laxer than this: what the settings say, or how the database was marked that this one replaces. */
  readonly atLeast: Environment | undefined;
}

/** Settles the mark of a database that was restored whole, which came with the rows, or did not. */
export async function settleMark(connection: Connection, { kept, atLeast }: MarkChoice): Promise<void> {
  const before = environments.find((known) => known === kept);
  const brought = await readEnvironment(connection);
  // Unmarked is as strict as can be, and the source was so.
  if (before === undefined && brought === null) return;
  const wanted = before ?? (brought && atLeast ? stricterEnvironment(brought, atLeast) : brought);
  if (wanted !== null && wanted !== brought) await writeMarker(connection, wanted);
}

/** A mark that was there before stays; but now it speaks of other rows. */
export function warnOfLaxMark(environment: Environment | null, manifest: Manifest, { warn }: CommandContext): void {
  const source = backupEnvironment(manifest);
  if (environment === null || stricterEnvironment(environment, source) === environment) return;
  const was = manifest.environment === null ? "was not marked" : `is marked ${source}`;
  warn(`the backup's database ${was}, this one is marked ${environment}: a wipe of these rows asks for less here`);
}
