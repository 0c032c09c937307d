import { loadStatement } from "../db/statement.js";
import type { ServerContext } from "./context.js";
import { withDatabase } from "./durable.js";
import { isProblem, type Problem, problem } from "./problem.js";

/** Degrees, and metres of accuracy. */
export interface Place {
  readonly lat: number;
  readonly lon: number;
  readonly accuracy?: number | undefined;
}

/** Keeps a user's last known place, instead of the one before. */
export async function saveLocation(
  context: ServerContext,
  userId: string,
  { lat, lon, accuracy }: Place,
): Promise<{ readonly saved: true } | Problem> {
  const saved = await withDatabase(context, async (database) => ({
    count: await database.execute(loadStatement("server/location-save"), [userId, lat, lon, accuracy ?? null]),
  }));
  if (isProblem(saved)) return saved;
  return saved.count === 1 ? { saved: true } : problem("unauthorized", "this account is gone");
}
