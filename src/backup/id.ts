import { randomBytes } from "node:crypto";

/**
 * A new backup's id, sortable by time: `2026-11-20T030000Z-1f4c0d`. The first three digits after the time are its
 * milliseconds, so that of two backups of one second the later is the later; the others are random.
 */
export function newBackupId(now: Date, suffix: string = newSuffix(now)): string {
  return `${now.toISOString().slice(0, 19).replaceAll(":", "")}Z-${suffix}`;
}

export function isBackupId(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{6}$/.test(text);
}

/** When a backup was begun, to the second, by its id alone. */
export function backupTime(id: string): Date {
  return new Date(id.slice(0, 18).replace(/T(\d\d)(\d\d)(\d\d)/, "T$1:$2:$3"));
}

function newSuffix(now: Date): string {
  return now.getUTCMilliseconds().toString(16).padStart(3, "0") + randomBytes(2).toString("hex").slice(1);
}
