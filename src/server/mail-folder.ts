import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mail } from "./email.js";

/**
 * Puts each e-mail into a folder as a file of its own, which only this user can read: what another program sends from
 * there, or a person reads while developing. Without a folder every e-mail fails, and the server says that it cannot.
 */
export function createMail(directory: string | undefined): Mail {
  if (directory === undefined)
    return async () => Promise.reject(new Error("no --mail-dir is set, so no e-mail is sent"));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return async (to, code) => {
    const text = `To: ${to.replaceAll(/[\r\n]/g, " ")}\nSubject: Your code\n\n${code}\n`;
    writeFileSync(join(directory, `${randomUUID()}.eml`), text, { mode: 0o600, flag: "wx" });
  };
}
