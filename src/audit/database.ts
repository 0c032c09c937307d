import type { AppDefinition, AuditCheck } from "../core/catalogue.js";
import type { FailLevel } from "../core/fail-level.js";
import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { readSequenceState } from "../db/sequences.js";
import { withTransaction } from "../db/transaction.js";
import { attemptRead } from "./attempt.js";
import { auditCatalogue } from "./catalogue.js";
import { checkFindings } from "./checks.js";
import { type AuditFacts, chooseFacts, readFacts } from "./facts.js";
import { type Finding, isFailing, sortFindings } from "./finding.js";
import { foreignKeyFindings, orphanFindings } from "./foreign-keys.js";
import { indexFindings } from "./indexes.js";
import { checksOf, chooseScope } from "./scope.js";
import { sequenceFindings } from "./sequences.js";
import type { StateReport } from "./states.js";
import { tableFindings, uncheckedFinding } from "./tables.js";
import { unreadFinding } from "./unread.js";

/**
 * Auditing answers, for every entry of the app's catalogue: is its table there, shaped as expected, how much is in it,
 * when was it last written, does it survive a restart. A *finding* is one thing to look at, with the command to type next.
 */
export interface AuditResult {
  /** No finding reaches the level that fails. */
  readonly ok: boolean;
  readonly failOn: FailLevel;
  /** The moment that all numbers belong to, by the server's clock. */
  readonly readAt: Date;
  readonly states: readonly StateReport[];
  readonly findings: readonly Finding[];
}

export interface AuditOptions {
  /** `error` unless told. */
  readonly failOn?: FailLevel;
  /** Take row counts from the planner's statistics instead of counting. */
  readonly estimate?: boolean;
  /** Names of catalogue entries: only these, and what belongs to their tables. Everything unless told. */
  readonly states?: readonly string[];
  /** How long to wait, once, for a table that somebody else has locked; 1 s unless told. */
  readonly lockTimeoutMs?: number;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

/**
 * Reads everything in one repeatable-read, read-only transaction, so the numbers belong together. Writes nothing and
 * takes ACCESS SHARE on the tables of one statement at a time. What cannot be read (locked, no privilege) is a finding.
 * Throws E_USAGE for an unknown state.
 */
export async function auditDatabase(
  database: Database,
  app: AppDefinition,
  options: AuditOptions = {},
): Promise<AuditResult> {
  const scope = chooseScope(app, options.states);
  const { failOn = "error", lockTimeoutMs = 1000 } = options;
  return withTransaction(
    database,
    { isolation: "REPEATABLE READ", readOnly: true, lockTimeoutMs },
    async (connection) => {
      const everything = await readFacts(connection);
      const facts = chooseFacts(everything, scope.has);
      const { states, findings: catalogueFindings } = await auditCatalogue(connection, { facts, scope, ...options });
      const findings = sortFindings([
        ...catalogueFindings,
        ...declaredFindings(facts),
        ...(await readDataFindings(connection, facts, checksOf(scope, everything.tables))),
      ]);
      const ok = !findings.some((finding) => isFailing(finding, failOn));
      return { ok, failOn, readAt: facts.readAt, states, findings };
    },
  );
}

/** What the catalog alone shows. */
function declaredFindings(facts: AuditFacts): readonly Finding[] {
  return [
    ...tableFindings(facts.tables),
    ...foreignKeyFindings(facts.foreignKeys),
    ...indexFindings(facts.indexes),
    ...facts.unchecked.map(uncheckedFinding),
  ];
}

/** What only the rows show: sequences against their columns, orphans, the app's own questions. */
async function readDataFindings(
  connection: Connection,
  facts: AuditFacts,
  checks: readonly AuditCheck[],
): Promise<readonly Finding[]> {
  const questions: readonly Question[] = [
    ...facts.sequences.map((sequence) => ({
      kind: "sequence" as const,
      subject: formatName(sequence),
      relation: sequence,
      answer: async () => sequenceFindings(await readSequenceState(connection, sequence), facts.role),
    })),
    ...facts.foreignKeys
      .filter(({ isValidated }) => !isValidated)
      .map((foreignKey) => ({
        kind: "foreign key" as const,
        subject: `${formatName(foreignKey.table)}.${foreignKey.name}`,
        relation: foreignKey.table,
        answer: () => orphanFindings(connection, foreignKey),
      })),
    ...checks.map((check) => ({
      kind: "check" as const,
      subject: check.id,
      answer: () => checkFindings(connection, check),
    })),
  ];
  const findings: Finding[] = [];
  for (const question of questions) {
    const attempt = await attemptRead(connection, question.answer);
    findings.push(
      ...("value" in attempt ? attempt.value : [unreadFinding({ ...question, role: facts.role }, attempt.unread)]),
    );
  }
  return findings;
}

interface Question {
  readonly kind: "sequence" | "foreign key" | "check";
  readonly subject: string;
  readonly relation?: QualifiedName;
  answer(): Promise<readonly Finding[]>;
}
