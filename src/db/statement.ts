import { isAbsolute, join } from "node:path";
import { packageRoot } from "../core/package-root.js";
import { readSqlText } from "../core/sql-text.js";

const loaded = new Map<string, string>();

/**
 * The text of one SQL statement: `sql/<feature>/<statement>.sql` of this package, or a file of the app that a
 * configuration names by absolute path. `{feature/part}` in it stands for another file of the package, a part that
 * several statements share. Read once, kept.
 */
export function loadStatement(name: string): string {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const path = isAbsolute(name) ? name : join(packageRoot, "sql", `${name}.sql`);
  const text = readSqlText(path).replace(/\{([a-z]+\/[a-z-]+)\}/g, (_, part: string) => loadStatement(part).trimEnd());
  loaded.set(name, text);
  return text;
}
