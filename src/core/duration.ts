import { RoomctlError } from "./errors.js";

const unitMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `500ms`, `3s`, `10m`, `2h`, `30d`; a bare number counts as milliseconds. Throws E_USAGE naming the setting. */
export function parseDurationMs(text: string, setting: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  const milliseconds = Number(match?.[1]) * (unitMs[match?.[2] ?? "ms"] ?? Number.NaN);
  if (!Number.isFinite(milliseconds)) {
    throw new RoomctlError("E_USAGE", `${setting} is not a duration: ${JSON.stringify(text)}`, {
      hint: `write it like 500ms, 3s, 10m, 2h or 30d`,
    });
  }
  return Math.round(milliseconds);
}

/** A duration for people: `42ms`, `3.4s`, `12m 5s`, `3h 4m`, `12d 3h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${Math.floor(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
