import { readFileSync } from "node:fs";
import { messageOf, RoomctlError } from "./errors.js";

/**
 * The text of an SQL file. Throws E_FILE when it cannot be read, and E_USAGE with the line when it is not UTF-8: read
 * leniently, its bytes would reach the database as replacement characters, silently and for good.
 */
export function readSqlText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new RoomctlError("E_FILE", `cannot read ${path}: ${messageOf(cause)}`, {
      hint: "look at its path and rights",
      cause,
    });
  }
  const text = decode(bytes);
  if (text !== undefined) return text;
  throw new RoomctlError("E_USAGE", `${path} is not UTF-8 text: line ${firstBadLine(bytes)}`, {
    hint: `convert it, for example: iconv -f latin1 -t utf8`,
  });
}

/** Undefined for what is not UTF-8, or holds a NUL, which no PostgreSQL text can. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    // The decoder's own message names neither file nor line.
    return undefined;
  }
}

function firstBadLine(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(10, start);
    const stop = end < 0 ? bytes.length : end + 1;
    if (decode(bytes.subarray(start, stop)) === undefined) break;
    start = stop;
  }
  return line;
}
