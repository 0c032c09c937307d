import { messageOf, RoomctlError } from "../core/errors.js";
import type { Supervision } from "./link-supervision.js";
import type { RecoveryReport } from "./recovery.js";

/** The last failure that was said: the same one is said once. */
export interface Told {
  last: string;
}

/** Tries to become the owner of the data; a failure is no reason to end, only to try again. */
export async function tryToOwn(supervision: Supervision, told: Told): Promise<void> {
  try {
    await own(supervision);
  } catch (error) {
    const reason = messageOf(error);
    const hint = error instanceof RoomctlError ? error.hint : undefined;
    if (reason !== told.last) {
      supervision.parts.log.error({ reason, hint }, "starting empty, and trying again: no recovery yet");
    }
    told.last = reason;
  }
}

/** Connects, takes over and recovers. What is open already stays so for the next attempt. */
async function own(supervision: Supervision): Promise<void> {
  const { parts, stopping } = supervision;
  supervision.database ??= await parts.open?.();
  supervision.writing ??= await parts.open?.();
  const { database, writing } = supervision;
  if (database === undefined || writing === undefined) return;
  const { epoch, fenced } = await parts.takeOver(database);
  const report = await parts.recover(database);
  // It took too long for a server that has been told to stop: the next one recovers.
  if (stopping.signal.aborted) return;
  Object.assign(supervision, { epoch, report, isUp: true });
  parts.log.info({ epoch, fenced, ...report }, `epoch ${epoch}: ${recoveryLine(report)}`);
  parts.onOwned(writing, epoch);
}

function recoveryLine({ rooms, others, durationMs }: RecoveryReport): string {
  const reasons = rooms.reasons.map(({ reason, rooms: count }) => `${count} ${reason}`).join(", ");
  const counts = `${rooms.recovered} rooms recovered, ${rooms.ended} ended, ${rooms.skipped} skipped`;
  return `${counts}${reasons ? ` (${reasons})` : ""}; ${others.referrals} referral links; ${Math.round(durationMs)} ms`;
}
