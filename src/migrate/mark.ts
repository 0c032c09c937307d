import { isIP } from "node:net";
import { type Environment, type MarkerOrigin, readMarker } from "../db/marker.js";
import type { Connection } from "../db/pool.js";
import { readTables } from "../db/schema.js";
import { isOnThisMachine } from "../db/this-machine.js";

export interface EnvironmentChoice {
  readonly value: Environment;
  /** What said so; `default` when nobody did. */
  readonly origin: string;
}

export interface MarkOptions {
  /** What an empty database is marked as; undefined leaves it unmarked, and so protected. */
  readonly environment: Environment | undefined;
  /** `said` unless told. */
  readonly environmentOrigin?: MarkerOrigin;
}

/**
 * What the first migrate of an empty database marks it as: what was said, and otherwise development. Who runs Node sets
 * NODE_ENV for a process, and many a tool does so unasked: its production protects, its development is an assumption.
 */
export function markOptions({ value, origin }: EnvironmentChoice): MarkOptions {
  const isSaid = origin !== "default" && !(origin === "NODE_ENV" && value === "development");
  return { environment: value, environmentOrigin: isSaid ? "said" : "assumed" };
}

/**
 * What a restore marks an empty database as, which then holds rows that may be anyone's: what was said, and otherwise
 * development here, but undefined (no mark) on a server elsewhere that nobody said a word about.
 */
export function environmentToMark(host: string, { value, origin }: EnvironmentChoice): Environment | undefined {
  return origin === "default" && !isThisMachine(host) ? undefined : value;
}

export interface Mark {
  /** What to write; null for nothing. */
  readonly environment: Environment | null;
  readonly origin: MarkerOrigin;
  readonly notes: readonly string[];
}

/** Whether a database is to be marked now: on its first migrate, unless it holds tables, which may hold anyone's data. */
export async function planMark(connection: Connection, options: MarkOptions): Promise<Mark> {
  const { environment, environmentOrigin: origin = "said" } = options;
  if ((await readMarker(connection)) !== undefined) return { environment: null, origin, notes: [] };
  if ((await readTables(connection)).length > 0) return { environment: null, origin, notes: [notes.hasTables] };
  if (environment === undefined) return { environment: null, origin, notes: [notes.isUnsaid] };
  const isDoubtful = environment === "development" && origin === "assumed" && !(await isOnThisMachine(connection));
  return { environment, origin, notes: isDoubtful ? [notes.isElsewhere] : [] };
}

const consequence =
  "so it was not marked: destructive commands will ask for its name (see: roomctl config mark --help)";
const notes = {
  hasTables: `this database already held tables, ${consequence}`,
  isUnsaid: `nobody said what this database is for, ${consequence}`,
  isElsewhere:
    "nobody said what this database is for, and it is not on this machine: destructive commands will ask for its name until somebody does (roomctl config mark development|staging|production)",
};

/** A loopback address, as the embedded server's is, or the folder of a Unix socket. */
function isThisMachine(host: string): boolean {
  if (host.startsWith("/") || host.startsWith("@")) return true;
  return host.toLowerCase() === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
