import type { Logger } from "pino";
import type { Clock } from "../core/clock.js";
import type { Database } from "../db/pool.js";
import type { TimeAnswer } from "./clock-difference.js";
import type { RecoveryReport } from "./recovery.js";
import type { Takeover } from "./takeover.js";

export interface LinkParts {
  /** Absent when no database is configured. */
  readonly open?: () => Promise<Database>;
  readonly heartbeatMs: number;
  readonly log: Logger;
  /** The server's steady clock. */
  readonly clock: Clock;
  readonly takeOver: (database: Database) => Promise<Takeover>;
  readonly recover: (database: Database) => Promise<RecoveryReport>;
  /** Called when this server owns its epoch and memory holds what was there, and again when the database is back. */
  readonly onOwned: (database: Database, epoch: string) => void;
  /** What time the database says it is, about once a second. True when its clock was set: others must hear of us by it. */
  readonly onTime: (answer: TimeAnswer) => boolean;
  /** Called once when another server took over. */
  readonly onFenced: () => void;
}

/** One server's hold on its database, from the first attempt until it stops or is fenced. */
export interface Supervision {
  readonly parts: LinkParts;
  readonly stopping: AbortController;
  database?: Database;
  /** Sessions of its own for what is written behind: whoever asks much must not keep it waiting. */
  writing?: Database;
  /** Of this server, once it owns the data. */
  epoch?: string;
  report?: RecoveryReport;
  isUp: boolean;
  isFenced: boolean;
}

/** A database that does not answer a small question in this time counts as down. */
export const patienceMs = 3000;

export function createSupervision(parts: LinkParts): Supervision {
  return { parts, stopping: new AbortController(), isUp: false, isFenced: false };
}

/** The database answers, or it does not. */
export function noteUp(supervision: Supervision, isUp: boolean, reason?: string): void {
  const { parts, writing, epoch } = supervision;
  if (isUp === supervision.isUp || supervision.isFenced) return;
  parts.log.warn({ reason }, isUp ? "the database is back" : "the database is down; calls go on");
  supervision.isUp = isUp;
  if (isUp && writing !== undefined && epoch !== undefined) parts.onOwned(writing, epoch);
}

/** Another server owns the data: for good. */
export function noteFenced(supervision: Supervision): void {
  if (supervision.isFenced) return;
  supervision.isFenced = true;
  supervision.isUp = false;
  supervision.parts.onFenced();
}
