import type { Severity } from "../core/catalogue.js";

/**
 * Words of the proof. A *check* is one claim about one migration; it *holds*, is *refuted* by findings, or was *skipped* for
 * a reason. The state *before* is the schema without the migration, the state *after* the one with it.
 */
export interface ProveReport {
  /** "PostgreSQL 18.1", where it was tried. */
  readonly server: string;
  /** Migrations that were only built, to prove the others on top of them. */
  readonly builtCount: number;
  readonly migrations: readonly MigrationProof[];
  /** Statements that were left out, since they would reach another server. */
  readonly notRun: readonly { readonly path: string; readonly line: number; readonly statement: string }[];
  /** All migrations a second time on the final state, which tells more of the set than of any file. Informative. */
  readonly fullReplay: ProofCheck;
  /** Those of all migrations and of the full replay. */
  readonly findings: readonly ProofFinding[];
  /** Statements of the up files that were proved. */
  readonly statementCount: number;
  readonly isProven: boolean;
}

export interface MigrationProof {
  readonly name: string;
  readonly path: string;
  readonly isTransactional: boolean;
  readonly statementCount: number;
  /** `proven`: no finding of severity error. `not-reached`: one before it does not apply. */
  readonly state: "proven" | "refuted" | "not-reached";
  readonly checks: readonly ProofCheck[];
  readonly durationMs: number;
}

export interface ProofCheck {
  readonly check: CheckName;
  readonly outcome: "holds" | "refuted" | "skipped";
  /** Why it was skipped, or how much was looked at: "4 prefixes". */
  readonly note: string | null;
  readonly findings: readonly ProofFinding[];
  readonly durationMs: number;
}

export type CheckName = "apply" | "rerun" | "prefixes" | "invalid-index" | "round-trip" | "full-replay";

export type ProofFindingKind =
  | "up-fails"
  | "rerun-fails"
  | "rerun-changes-schema"
  | "rerun-changes-rows"
  | "rerun-rewrites-rows"
  | "rerun-moves-sequence"
  | "prefix-fails"
  | "prefix-diverges"
  | "invalid-index-stays"
  | "invalid-index-fails"
  | "psql-rerun-keeps-invalid-index"
  | "psql-rerun-stops-at-invalid-index"
  | "no-down"
  | "down-fails"
  | "down-differs"
  | "up-again-fails"
  | "up-again-differs"
  | "replay-fails"
  | "replay-differs";

export interface ProofFinding {
  readonly kind: ProofFindingKind;
  readonly severity: Severity;
  readonly migration: string;
  readonly message: string;
  readonly hint: string;
  readonly path: string;
  /** Of the statement that did it, or of the word that PostgreSQL points at, both from 1; null when no statement did. */
  readonly line: number | null;
  readonly column: number | null;
  /** The first line of that statement. */
  readonly statement: string | null;
  readonly changes: readonly ProofChange[];
}

/** One thing that is not as it should be. Null is "not there". */
export interface ProofChange {
  /** `constraint public.users users_pkey`, `rows of settings`, `sequence ids`. */
  readonly object: string;
  readonly expected: string | null;
  readonly found: string | null;
}

export type PrefixMode = "all" | "auto" | "none";

export interface ProveOptions {
  /** Which interrupted prefixes are tried: `auto` tries all but those of long files in one transaction, which it samples. */
  readonly prefixes?: PrefixMode;
  /** How many rows are made up in each table that a script names, for a second run to find; 3 unless told, 0 for none. */
  readonly rows?: number;
  /** `none` runs everything for good on copies and compares whole snapshots: slow, to test that quick looks miss nothing. */
  readonly looks?: "quick" | "none";
  /** True for a server of the operator's own, which must be left as it was. */
  readonly isSharedServer?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}
