import { setImmediate as yieldToEvents } from "node:timers/promises";
import { readManyRows, type WireRow } from "../db/many-rows.js";
import type { Connection } from "../db/pool.js";
import { pairKey } from "./model.js";
import type { State } from "./state.js";

/** How many of each came into memory. */
export interface OtherCounts {
  readonly referrals: number;
  readonly activity: number;
  readonly cooldowns: number;
  readonly rateLimits: number;
}

/**
 * Brings back what lives beside the rooms; what memory holds already stays as it is. Timer totals are not among it: each
 * is read when a call of its user begins to count.
 */
export async function loadOthers(
  connection: Connection,
  { state, statement }: { readonly state: State; readonly statement: (name: string) => string },
  recovered: ReadonlySet<string>,
): Promise<OtherCounts> {
  const { rows } = state;
  const moment = (row: WireRow, column: number) => rows.fromDatabase(row.moment(column) ?? 0);
  const momentOrNull = (row: WireRow, column: number) => (row.moment(column) === null ? null : moment(row, column));
  const load = (name: string, take: (row: WireRow) => boolean) =>
    loadEach(connection, statement(`server/${name}`), take);
  return {
    referrals: await load("load-referrals", (row) => {
      const referralCode = row.text(0) ?? "";
      return state.referrals.load(referralCode, {
        referralCode,
        targetUserId: row.uuid(1) ?? "",
        createdByUserId: row.uuid(2),
        targetName: row.text(3) ?? "",
        createdByName: row.text(4) ?? "",
        createdAt: moment(row, 5),
      });
    }),
    activity: await load("load-activity", (row) => {
      const roomId = row.uuid(0) ?? "";
      if (!recovered.has(roomId)) return false;
      return state.activity.load(roomId, {
        roomId,
        user1LastMessageAt: momentOrNull(row, 1),
        user2LastMessageAt: momentOrNull(row, 2),
        warningStartedAt: momentOrNull(row, 3),
      });
    }),
    cooldowns: await load("load-cooldowns", (row) => {
      const [userLow, userHigh] = [row.uuid(0) ?? "", row.uuid(1) ?? ""];
      return state.cooldowns.load(pairKey(userLow, userHigh), { userLow, userHigh, expiresAt: moment(row, 2) });
    }),
    rateLimits: await load("load-rate-limits", (row) => {
      const key = row.text(0) ?? "";
      const windowStart = wholeSecond(moment(row, 1));
      return state.rateLimits.load(`${key} ${windowStart}`, {
        key,
        windowStart,
        count: row.integer(2) ?? 0,
        expiresAt: moment(row, 3),
      });
    }),
  };
}

async function loadEach(connection: Connection, select: string, take: (row: WireRow) => boolean): Promise<number> {
  let taken = 0;
  await readManyRows(connection, select, {
    take: (row) => {
      if (take(row)) taken += 1;
    },
    turn: yieldToEvents,
    turnRows: 2000,
  });
  return taken;
}

/** Windows begin at whole seconds by the clock of the server that counted; the clocks differ by less, or it is no matter. */
function wholeSecond(moment: number): number {
  return Math.round(moment / 1000) * 1000;
}
