import type { SchemaFact } from "../db/snapshot.js";

/**
 * Words of drift. *Live* is the database, *files* is what its applied migrations build elsewhere. A *finding* is one object
 * that is in one of them only, or in both and not the same.
 */
export interface DriftFinding {
  readonly kind: "live-only" | "files-only" | "changed";
  /** `index public.users_email`, `column public.users name`, `owner of table public.users`. */
  readonly object: string;
  /** The table or other object under which it is listed; null for what stands alone. */
  readonly belongs: string | null;
  readonly live: string | null;
  readonly files: string | null;
  /** SQL that would make the live database as the files have it, where that is one harmless statement. */
  readonly repair: string | null;
}

/** A difference with what both sides say of it. At least one of them is there. */
export interface Difference {
  readonly key: string;
  readonly live: SchemaFact | undefined;
  readonly files: SchemaFact | undefined;
}

/** The side that says anything: what the two have in common can be read from either. */
export function eitherSide({ live, files }: Difference): SchemaFact | undefined {
  return live ?? files;
}

export function kindOf({ live, files }: Difference): DriftFinding["kind"] {
  if (live === undefined) return "files-only";
  return files === undefined ? "live-only" : "changed";
}
