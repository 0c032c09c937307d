import { xxHash64 } from "../core/xxhash64.js";
import type { CopySink } from "../db/copy-out.js";
import { createRowIntake, type RowIntake } from "../db/row-intake.js";
import type { CopyFormat, RowsFingerprint } from "./manifest.js";

/**
 * Hashes rows as COPY spells them: the fingerprint is the sum, modulo 2^64, of the xxHash64 of each row's bytes
 * (https://xxhash.com), so it does not depend on the order of the rows, and sums of parts add up to that of the whole.
 * It tells equal contents from different ones; it is no proof against forgery.
 */
export interface RowsHash extends CopySink {
  /** After the last row, once. */
  result(): RowsFingerprint;
}

/** xxHash64 of a block of bytes, 16 hex digits. */
export function hashBlock(bytes: Uint8Array): string {
  return xxHash64(bytes).toString(16).padStart(16, "0");
}

/** For one COPY stream of a table, whose bytes nobody wants to keep. */
export function createRowsHash(format: CopyFormat): RowsHash {
  const intake = idle.pop() ?? createRowIntake(1, hashedAtOnceBytes);
  intake.begin({ isBinary: format === "binary", onBlock: intake.release });
  return {
    push: intake.push,
    result() {
      const result = fingerprintOf(intake);
      idle.push(intake);
      return result;
    },
  };
}

/** A block that the processor's nearer memory holds. */
const hashedAtOnceBytes = 128 * 1024;

/** To be used again: each takes address space of many GB, and a database may have thousands of tables. */
const idle: RowIntake[] = [];

/** Of the rows that an intake has seen. */
export function fingerprintOf(intake: RowIntake): RowsFingerprint {
  const { rows, sum } = intake.result();
  return { rows, fingerprint: String(sum) };
}

/** The fingerprint of rows that lie in several parts. */
export function addFingerprints(parts: readonly RowsFingerprint[]): RowsFingerprint {
  const sum = parts.reduce((total, { fingerprint }) => BigInt.asUintN(64, total + BigInt(fingerprint)), 0n);
  return { rows: parts.reduce((total, { rows }) => total + rows, 0), fingerprint: String(sum) };
}
