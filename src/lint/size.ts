import type { Severity } from "../core/catalogue.js";
import type { LintRule } from "./rule.js";

interface Size {
  readonly rows: number | null;
  readonly sizeBytes: number | null;
}

/** What takes long on a large table is over at once on one with fewer rows and bytes than these. */
const smallRows = 10_000;
const smallBytes = 10 * 1024 * 1024;
/** Of a table that was never analysed the rows are not known: its bytes must say it alone. */
const smallBytesAlone = 1024 * 1024;

/** A severity as it is for a table of that size: one milder on a small table, where the rule's cost grows with it. */
export function severityAtSize(severity: Severity, rule: LintRule, table: Size | undefined): Severity {
  const grows = rule.growsWithSize ?? rule.topic === "locks";
  return grows && table !== undefined && isSmall(table) ? milder[severity] : severity;
}

/** `12.0M rows, 4.1 GB`; empty where nothing is known. */
export function describeSize({ rows, sizeBytes }: Size): string {
  const parts = [
    ...(rows === null ? [] : [`${shorten(rows)} rows`]),
    ...(sizeBytes === null ? [] : [bytesOf(sizeBytes)]),
  ];
  return parts.join(", ");
}

const milder: Readonly<Record<Severity, Severity>> = { error: "warning", warning: "info", info: "info" };

function isSmall({ rows, sizeBytes }: Size): boolean {
  if (sizeBytes === null) return rows !== null && rows < smallRows;
  return rows === null ? sizeBytes < smallBytesAlone : rows < smallRows && sizeBytes < smallBytes;
}

function shorten(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)}G`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)}M`;
  return count.toLocaleString("en-US");
}

const units = ["B", "kB", "MB", "GB", "TB"];

function bytesOf(sizeBytes: number): string {
  const exponent = sizeBytes < 1 ? 0 : Math.min(Math.floor(Math.log2(sizeBytes) / 10), units.length - 1);
  const value = sizeBytes / 1024 ** exponent;
  return `${exponent > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[exponent]}`;
}
