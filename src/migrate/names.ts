import { resolve } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { packageRoot } from "../core/package-root.js";
import { shellWord } from "../core/shell.js";

/**
 * The migration that a person means: its exact name, its number (`6` or `0006`), or the beginning of one name only.
 * Throws E_UNKNOWN_MIGRATION with the names that come near.
 */
export function requireMigration(names: readonly string[], text: string): string {
  if (names.includes(text)) return text;
  const numbered = /^\d+$/.test(text) ? names.filter((name) => versionOf(name) === BigInt(text)) : [];
  const candidates = numbered.length > 0 ? numbered : names.filter((name) => name.startsWith(text));
  const [only, ...others] = text === "" ? [] : candidates;
  if (only !== undefined && others.length === 0) return only;
  const isAmbiguous = others.length > 0;
  const near = isAmbiguous ? candidates : nearNames(names, text);
  throw new RoomctlError(
    "E_UNKNOWN_MIGRATION",
    `${JSON.stringify(text)} ${isAmbiguous ? "is the beginning of several migrations" : "is no migration"}`,
    { hint: near.length > 0 ? `use one of: ${near.join(", ")}` : "list them with: roomctl migrate status" },
  );
}

/** The number in front of a name; -1 when it has none, so that foreign names sort first. */
export function versionOf(name: string): bigint {
  const digits = /^\d+/.exec(name)?.[0];
  return digits === undefined ? -1n : BigInt(digits);
}

/**
 * The command that begins a migration in a folder. Never in the one that is built in: an update of roomctl would replace
 * it, and the app's migrations with it.
 */
export function newMigrationCommand(directory: string, title = "NAME"): string {
  const isBuiltIn = resolve(directory) === resolve(packageRoot, "migrations");
  return `roomctl migrate new ${title} --dir ${isBuiltIn ? "migrations" : shellWord(directory)}`;
}

const nearLimit = 8;

/** Names that share a word with the text, or, where none does, the newest few. */
function nearNames(names: readonly string[], text: string): readonly string[] {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  const wanted = words.filter((word) => word.length > 2);
  const sharing = names.filter((name) => wanted.some((word) => name.toLowerCase().includes(word)));
  return (sharing.length > 0 ? sharing : names).slice(-nearLimit);
}
