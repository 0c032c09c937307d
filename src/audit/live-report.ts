import type { Persistence } from "../core/catalogue.js";
import type { Drift } from "./compare-verdict.js";

/**
 * A live audit asks a running server what it holds and compares that with the rows. A *container* is one collection in
 * its memory; an entry is *pending* while its change is not committed; *drift* is one key for which memory and the
 * database do not agree although nothing is pending. `docs/audit-live.md` describes the protocol.
 */
export interface LiveReport {
  readonly server: LiveServer;
  readonly containers: readonly LiveContainer[];
}

export interface LiveServer {
  /** Where it was asked. */
  readonly address: string;
  readonly instance: string;
  readonly epoch: string | null;
  readonly pid: number | null;
  readonly startedAt: string | number | null;
  /** What the server says of its database. */
  readonly database: string | null;
}

export interface LiveContainer {
  readonly name: string;
  readonly persistence: Persistence;
  readonly table: string | null;
  /** Entries by the server's own count, and those that were read. */
  readonly size: number;
  readonly held: number;
  readonly compared: number;
  readonly pending: number;
  readonly unsettled: number;
  readonly outcome: "agrees" | "drift" | "memory only" | "not compared";
  /** Why it was not compared; null where it was. */
  readonly because: string | null;
  /** How many keys do not agree; `drift` has the first thousand of them. */
  readonly driftCount: number;
  readonly drift: readonly Drift[];
  /** What the server publishes of a row and the table does not have. */
  readonly leftOut: readonly string[];
}
