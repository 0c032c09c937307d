import type { Severity } from "../core/catalogue.js";
import type { QualifiedName } from "../db/identifier.js";
import type { Node, Parser } from "../db/parse.js";
import type { LintModel } from "./model.js";

/** The name of a node: `CreateStmt`. */
export type NodeKind = Node extends infer One ? (One extends object ? keyof One : never) : never;

type LintTopic = "locks" | "compatibility" | "data" | "idempotence" | "realtime" | "types" | "transactions" | "ignores";

/** One rule, with all that its page in `docs/lint/` says. A test runs `bad` and `good` through it. */
export interface LintRule {
  /** `index-not-concurrent`; also the name of its page. */
  readonly id: string;
  readonly topic: LintTopic;
  /** `error`: it fails, loses data or stops the app; `warning`: it may, at some size or on a re-run; `info`: worth knowing. */
  readonly severity: Severity;
  /** What it finds, in one line. */
  readonly title: string;
  /** What PostgreSQL does then, and whom it hurts. Paragraphs. */
  readonly why: readonly string[];
  /** What to do instead, in a sentence or two. */
  readonly safer: string;
  readonly example: {
    /** A migration applied before, where the example needs one. */
    readonly before?: string;
    readonly bad: string;
    /** The safer form; several files where it takes several migrations. */
    readonly good: readonly string[];
  };
  /** The kinds of statement that it looks at; every kind unless told. It is called for these only. */
  readonly looksAt?: readonly NodeKind[];
  /** Needs no tables of others: the rule says nothing of tables that the same pending set creates. */
  readonly exemptsNewTables: boolean;
  /**
   * What it costs grows with the table, so that it weighs less on a small one: a hit that names a `table` is one severity
   * milder there. True for the topic `locks` unless told.
   */
  readonly growsWithSize?: boolean;
  /** What one statement is to be told, in the order of its text. */
  check(statement: LintStatement, context: LintContext): readonly LintHit[];
}

/** One thing that a rule saw in a statement. */
export interface LintHit {
  /** What, in one sentence, with the names of this statement: "CREATE INDEX users_email blocks writes to users". */
  readonly message: string;
  /** The `location` in the tree to point at; the statement's beginning unless told. */
  readonly location?: number;
  /** The table it is about: for the size, and for the exemption of new tables. */
  readonly table?: QualifiedName;
  /** The safer form of this very statement, where it can be written. */
  readonly saferSql?: string;
  /** Instead of the rule's own. */
  readonly severity?: Severity;
}

/** A statement as rules see it: from the top level of a file, or from inside a body of PL/pgSQL. */
export interface LintStatement {
  readonly node: Node;
  readonly text: string;
  /** `now`: the migration runs it (top level, DO). `called`: it is in the body of a function that is only defined. */
  readonly runs: "now" | "called";
  /** True inside an IF, a CASE, a loop or an exception block of a DO block: something decides whether it runs. */
  readonly isGuarded: boolean;
  /** True inside any body: places in the tree are then those of the body's statement, not of the file. */
  readonly isInBody: boolean;
  /** The DO block or CREATE FUNCTION that it stands in; undefined at the top level. It is in `statements` before it. */
  readonly container: LintStatement | undefined;
  /** The conditions of the IFs around it, from the outside in, as they are written; an ELSE has those of its IF, negated. */
  readonly conditions: readonly string[];
  /** The statement's text from a `location` of its tree on. */
  textFrom(location: number): string;
}

/** What a rule may look at besides its statement. */
export interface LintContext {
  readonly parser: Parser;
  /** The name of the migration and its path. */
  readonly migration: string;
  readonly path: string;
  /** False when the file runs outside of a transaction, each statement by itself. */
  readonly isTransactional: boolean;
  /**
   * The statements of this file in order, bodies taken apart, with the place of the present one. One array for the whole
   * file, which may have thousands: what a rule draws from it is to be kept, in a WeakMap, not made again per statement.
   */
  readonly statements: readonly LintStatement[];
  readonly index: number;
  /** The schema as it is just before this statement. */
  readonly model: LintModel;
}
