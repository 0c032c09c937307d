import { type Environment, environments } from "../db/marker.js";
import type { Manifest } from "./manifest.js";

/**
 * What a database counts as that holds the rows of this backup. One that was never marked may have been anything, and so
 * counts as production; so does a name that this version does not know.
 */
export function backupEnvironment({ environment }: Pick<Manifest, "environment">): Environment {
  return environments.find((known) => known === environment) ?? "production";
}

/** Of two environments the one that destructive commands ask more for. */
export function stricterEnvironment(one: Environment, other: Environment): Environment {
  // They are listed from the laxest to the strictest.
  return environments.indexOf(one) >= environments.indexOf(other) ? one : other;
}
