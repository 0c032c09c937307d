import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Database, Queryable } from "../../src/db/pool.js";

/** What a test does to the clock of a database, and to the network in front of it. */
export interface ClockFault {
  /** Added to every `now()` and `clock_timestamp()` of a statement. */
  aheadMs: number;
  /** How long the answer to the question for the time is under way. */
  answerDelayMs: number;
  /** Questions for the time that were answered. */
  answered: number;
}

export function createClockFault(): ClockFault {
  return { aheadMs: 0, answerDelayMs: 0, answered: 0 };
}

/** A real database whose clock a test can set. */
export function withClockFault(database: Database, fault: ClockFault): Database {
  return {
    ...database,
    ...faulty(database, fault),
    async connect(): Promise<Connection> {
      const connection = await database.connect();
      return { ...connection, ...faulty(connection, fault) };
    },
  };
}

function faulty(queryable: Queryable, fault: ClockFault): Queryable {
  return {
    async query<Row extends object>(sql: string, values?: readonly unknown[]) {
      const rows = await queryable.query<Row>(shifted(sql, fault), values);
      if (sql === "SELECT clock_timestamp() AS now") {
        if (fault.answerDelayMs > 0) await sleep(fault.answerDelayMs);
        fault.answered += 1;
      }
      return rows;
    },
    execute: (sql, values) => queryable.execute(shifted(sql, fault), values),
  };
}

function shifted(sql: string, { aheadMs }: ClockFault): string {
  return aheadMs === 0 ? sql : sql.replace(/\b(now|clock_timestamp)\(\)/g, `($1() + interval '${aheadMs} ms')`);
}
