import type { MigrationTrace, StatementTrace, TracedRelation } from "../trace/model.js";
import type { FailLevel } from "./migrate-trace-options.js";

/** A statement for which --fail-on lets the command fail. */
export interface TraceFailure {
  readonly migration: string;
  readonly line: number;
  readonly relation: string;
  readonly what: string;
}

interface Traced {
  readonly migrations: readonly MigrationTrace[];
  readonly isSized: boolean;
}

/**
 * What is at or above a level. With a target only relations that are there count: nobody waits for a table that an
 * earlier pending migration makes. Pure.
 */
export function judge({ migrations, isSized }: Traced, level: FailLevel): readonly TraceFailure[] {
  if (level === "none") return [];
  const counts = ({ nameBefore }: TracedRelation) => !isSized || nameBefore !== null;
  return migrations.flatMap(({ name, statements }) =>
    statements.flatMap((statement) =>
      problemsOf(statement, level)
        .filter(({ relation }) => counts(relation))
        .map(({ relation, what }) => ({ migration: name, line: statement.line, relation: relation.name, what })),
    ),
  );
}

interface Problem {
  readonly relation: TracedRelation;
  readonly what: string;
}

function problemsOf({ locks, rewrites }: StatementTrace, level: FailLevel): readonly Problem[] {
  if (level === "rewrite") return rewrites.map((relation) => ({ relation, what: "is written anew" }));
  return locks
    .filter(({ blocks }) => blocks !== "nobody")
    .map((relation) => ({ relation, what: `${relation.mode} blocks ${relation.blocks}` }));
}
