import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import { packageRoot } from "../core/package-root.js";

const loaded = new Map<string, string>();

/**
 * The text of one SQL statement: `sql/<feature>/<statement>.sql` of this package, or a file of the app that a
 * configuration names by absolute path. Read once, kept.
 */
export function loadStatement(name: string): string {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const path = isAbsolute(name) ? name : join(packageRoot, "sql", `${name}.sql`);
  const text = readStatement(path);
  loaded.set(name, text);
  return text;
}

function readStatement(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new RoomctlError("E_FILE", `cannot read the SQL statement ${path}: ${messageOf(cause)}`, { cause });
  }
}
