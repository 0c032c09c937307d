import { isIP } from "node:net";
import { type Environment, readMarker } from "../db/marker.js";
import type { Queryable } from "../db/pool.js";
import { readTables } from "../db/schema.js";

export interface EnvironmentChoice {
  readonly value: Environment;
  /** What said so; `default` when nobody did. */
  readonly origin: string;
}

/**
 * What the first migrate of an empty database marks it as: what was said, and otherwise development, but undefined (no
 * mark) for a server elsewhere that nobody said a word about. Development is the mark that lets a bare --confirm wipe, and
 * a production database is empty too on its first day; on this machine a wrong guess costs least, and asking most.
 */
export function environmentToMark(host: string, { value, origin }: EnvironmentChoice): Environment | undefined {
  return origin === "default" && !isThisMachine(host) ? undefined : value;
}

export interface MarkOptions {
  /** What an empty database is marked as; undefined leaves it unmarked, and so protected. */
  readonly environment: Environment | undefined;
}

export interface Mark {
  /** What to write; null for nothing. */
  readonly environment: Environment | null;
  readonly notes: readonly string[];
}

/** Whether a database is to be marked now: on its first migrate, unless it holds tables, which may hold anyone's data. */
export async function planMark(queryable: Queryable, { environment }: MarkOptions): Promise<Mark> {
  if ((await readMarker(queryable)) !== undefined) return { environment: null, notes: [] };
  if ((await readTables(queryable)).length > 0) return { environment: null, notes: [notes.hasTables] };
  if (environment === undefined) return { environment: null, notes: [notes.isElsewhere] };
  return { environment, notes: [] };
}

const consequence =
  "so it was not marked: destructive commands will ask for its name (see: roomctl config mark --help)";
const notes = {
  hasTables: `this database already held tables, ${consequence}`,
  isElsewhere: `this database is on another machine and nobody said what it is for, ${consequence}`,
};

/** A loopback address, as the embedded server's is, or the folder of a Unix socket. */
function isThisMachine(host: string): boolean {
  if (host.startsWith("/") || host.startsWith("@")) return true;
  return host.toLowerCase() === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
