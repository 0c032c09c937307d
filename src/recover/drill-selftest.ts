import { type DrillOptions, runDrill } from "./drill.js";
import { type GroundWish, removeHistory, withGround } from "./drill-ground.js";

/** Whether the drill finds a bug that was planted into the server. */
export interface SelftestResult {
  readonly bug: string;
  /** The cycle that showed it; null when none did. */
  readonly foundAt: number | null;
  readonly invariant: string | null;
  readonly nemesis: string | null;
  readonly message: string | null;
  readonly cycles: number;
  readonly durationMs: number;
}

/** Drills servers with one planted bug each, with the same seed, until it is found or the cycles are used up. */
export async function selftest(
  wish: GroundWish,
  bugs: readonly string[],
  options: DrillOptions,
): Promise<readonly SelftestResult[]> {
  const results: SelftestResult[] = [];
  for (const bug of bugs) results.push(await findBug(wish, bug, options));
  return results;
}

async function findBug(wish: GroundWish, bug: string, options: DrillOptions): Promise<SelftestResult> {
  const { onProgress = () => {} } = options;
  return await withGround({ ...wish, plantedBug: bug }, async (ground) => {
    const verdict = await runDrill(ground, {
      ...options,
      onProgress: (event) => onProgress({ ...event, message: `${bug}: ${event.message}` }),
    });
    if (!wish.keepsHistory) removeHistory(ground.history.path);
    const [first] = verdict.violations;
    return {
      bug,
      foundAt: first?.cycle ?? null,
      invariant: first?.invariant ?? null,
      nemesis: first?.nemesis ?? null,
      message: first?.message ?? null,
      cycles: verdict.cycles,
      durationMs: verdict.durationMs,
    };
  });
}
