import { loadStatement } from "../db/statement.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import type { Identity } from "./model.js";
import { isProblem } from "./problem.js";

/** What only the database knows of an account. Times in epoch milliseconds. */
interface StoredProfile {
  readonly gender: string;
  readonly email: string | null;
  readonly paymentStatus: string;
  readonly totalPoints: number;
  readonly qrUnlockedAt: number | null;
  readonly createdAt: number;
}

export interface Profile extends Identity {
  /** From memory: up to the second. */
  readonly timerTotalSeconds: number;
  readonly roomId: string | null;
  /** Null while the database cannot be asked. */
  readonly stored: StoredProfile | null;
}

/** The caller's own account. Memory answers for what it knows while the database is down. */
export async function readProfile(context: ServerContext, identity: Identity): Promise<Profile> {
  const { state, link } = context;
  const found = link.status === "up" ? await withDatabase(context, (database) => read(database, identity)) : undefined;
  return {
    ...identity,
    timerTotalSeconds: Math.floor(state.timers.get(identity.userId)?.totalSeconds ?? 0),
    roomId: state.roomOf.get(identity.userId) ?? null,
    stored: found === undefined || isProblem(found) ? null : found.profile,
  };
}

async function read(database: Parameters<Parameters<typeof withDatabase>[1]>[0], { userId }: Identity) {
  const [profile = null] = await database.query<StoredProfile>(loadStatement("server/accounts-profile"), [userId]);
  return { profile };
}
