import { setImmediate as yieldToEvents } from "node:timers/promises";
import { readPages, type TextRow } from "../db/cursor.js";
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
  const moment = (text: string | null | undefined) => rows.fromDatabase(Number(text));
  const momentOrNull = (text: string | null | undefined) => (typeof text === "string" ? moment(text) : null);
  const load = (name: string, take: (row: TextRow) => boolean) =>
    loadEach(connection, statement(`server/${name}`), take);
  return {
    referrals: await load("load-referrals", ([code, target, maker, targetName, makerName, createdAt]) =>
      state.referrals.load(code ?? "", {
        referralCode: code ?? "",
        targetUserId: target ?? "",
        createdByUserId: maker ?? null,
        targetName: targetName ?? "",
        createdByName: makerName ?? "",
        createdAt: moment(createdAt),
      }),
    ),
    activity: await load("load-activity", ([roomId, first, second, warning]) =>
      recovered.has(roomId ?? "")
        ? state.activity.load(roomId ?? "", {
            roomId: roomId ?? "",
            user1LastMessageAt: momentOrNull(first),
            user2LastMessageAt: momentOrNull(second),
            warningStartedAt: momentOrNull(warning),
          })
        : false,
    ),
    cooldowns: await load("load-cooldowns", ([low, high, expiresAt]) =>
      state.cooldowns.load(pairKey(low ?? "", high ?? ""), {
        userLow: low ?? "",
        userHigh: high ?? "",
        expiresAt: moment(expiresAt),
      }),
    ),
    rateLimits: await load("load-rate-limits", ([key, windowStart, count, expiresAt]) =>
      state.rateLimits.load(`${key} ${wholeSecond(moment(windowStart))}`, {
        key: key ?? "",
        windowStart: wholeSecond(moment(windowStart)),
        count: Number(count),
        expiresAt: moment(expiresAt),
      }),
    ),
  };
}

async function loadEach(connection: Connection, select: string, take: (row: TextRow) => boolean): Promise<number> {
  let taken = 0;
  for await (const page of readPages(connection, select, { pageRows: 2000 })) {
    for (const row of page) if (take(row)) taken += 1;
    await yieldToEvents();
  }
  return taken;
}

/** Windows begin at whole seconds by the clock of the server that counted; the clocks differ by less, or it is no matter. */
function wholeSecond(moment: number): number {
  return Math.round(moment / 1000) * 1000;
}
