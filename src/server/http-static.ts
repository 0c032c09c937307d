import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { sha256 } from "../core/digest.js";
import type { HttpContext } from "./http-answer.js";

interface StaticFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
};

/**
 * The page's files, by their path below the folder, read once: no request can name anything else, whatever its path looks
 * like. Links are left out. No files when there is no folder.
 */
export function readStaticFiles(directory: string): ReadonlyMap<string, StaticFile> {
  const files = new Map<string, StaticFile>();
  for (const entry of entriesOf(directory)) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    const body = new Uint8Array(readFileSync(path));
    files.set(relative(directory, path).split(sep).join("/"), { body, type, etag: `"${sha256(body).slice(0, 32)}"` });
  }
  return files;
}

/** Serves one of the files, or says that the browser has it already; undefined when there is none of that name. */
export function serveStatic(
  c: HttpContext,
  files: ReadonlyMap<string, StaticFile>,
  path: string,
): Response | undefined {
  const file = files.get(path);
  if (file === undefined) return undefined;
  c.header("ETag", file.etag);
  c.header("Cache-Control", "no-cache");
  const known = c.req.header("If-None-Match")?.split(/\s*,\s*/) ?? [];
  if (known.some((etag) => etag.replace(/^W\//, "") === file.etag)) return c.body(null, 304);
  c.header("Content-Type", file.type);
  return c.body(file.body);
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true });
  } catch {
    // A server without its page still serves calls.
    return [];
  }
}
