import { randomUUID } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import type { Mail } from "./email.js";

/**
 * Puts each e-mail into a folder as a file of its own, which only this user can read: what another program sends from
 * there, or a person reads while developing. A file whose name ends in `.eml` is whole. Without a folder every e-mail
 * fails, and the server says that it cannot. Throws E_USAGE when the folder cannot be had.
 */
export function createMail(directory: string | undefined): Mail {
  if (directory === undefined)
    return async () => Promise.reject(new Error("no --mail-dir is set, so no e-mail is sent"));
  makeFolder(directory);
  return async (to, code) => {
    const text = `To: ${to.replaceAll(/[\r\n]/g, " ")}\nSubject: Your code\n\n${code}\n`;
    const path = join(directory, randomUUID());
    writeFileSync(`${path}.part`, text, { mode: 0o600, flag: "wx" });
    renameSync(`${path}.part`, `${path}.eml`);
  };
}

function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new RoomctlError("E_USAGE", `--mail-dir cannot be made: ${messageOf(cause)}`, {
      cause,
      hint: "roomctl serve --mail-dir mails",
    });
  }
}
