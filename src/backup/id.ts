import { randomBytes } from "node:crypto";

/** A new backup's id, sortable by time: `2026-11-20T030000Z-ab12cd`. */
export function newBackupId(now: Date, suffix: string = randomBytes(3).toString("hex")): string {
  return `${now.toISOString().slice(0, 19).replaceAll(":", "")}Z-${suffix}`;
}

export function isBackupId(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{6}$/.test(text);
}
