import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder of the installed package (with `migrations/`, `sql/`), the same from `src/` and from `dist/`. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

let version: string | undefined;

/** Version of this package, from its package.json. */
export function packageVersion(): string {
  version ??= readVersion();
  return version;
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(`${packageRoot}package.json`, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
  throw new Error("package.json has no version");
}
