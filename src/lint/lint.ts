import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Node, Parser } from "../db/parse.js";
import { positionsIn } from "../db/position.js";
import type { SqlText } from "../migrate/layout.js";
import { parseScript } from "../migrate/script.js";
import { type Gap, type PlacedStatement, unfold } from "./bodies.js";
import { type LintedTable, type LintFinding, type PlacedHit, type Unanalysed, wordsOf } from "./finding.js";
import { readIgnores } from "./ignore.js";
import { ignoreHits, withReasons } from "./ignore-hits.js";
import { ignoreRules } from "./ignore-rules.js";
import { applyStatement } from "./model-apply.js";
import { createModelStore, type ModelStore } from "./model-store.js";
import type { LintHit, LintRule } from "./rule.js";
import { describeSize, severityAtSize } from "./size.js";

export interface LintReport {
  /** By migration and place; those that are ignored included. */
  readonly findings: readonly LintFinding[];
  readonly unanalysed: readonly Unanalysed[];
  /** Bodies taken apart. */
  readonly statementCount: number;
}

/** The part of a `MigrationFile` that is linted. */
export interface LintSource {
  readonly name: string;
  readonly up: SqlText;
}

export interface LintOptions {
  readonly rules: readonly LintRule[];
  /** Migrations that count as applied: they build the model, and nothing is said of them. */
  readonly before?: readonly LintSource[];
  /** The model to begin with; an empty one unless told. */
  readonly store?: ModelStore;
  /** `one`: they are released together, what one makes is new for the next. `each`: every file for itself. */
  readonly sets: "one" | "each";
  /** Names of the migrations to be told of; the others only lead to the schema that these find. All unless told. */
  readonly only?: ReadonlySet<string>;
}

/** Runs rules over migrations, in order. Pure but for the parser. */
export function lintMigrations(parser: Parser, migrations: readonly LintSource[], options: LintOptions): LintReport {
  const { rules, before = [], only, sets } = options;
  const { store = createModelStore({ isComplete: false, searchPath: ["public"] }) } = options;
  for (const migration of before) passBy(parser, store, migration);
  store.beginSet();
  const chosen = chooserOf(rules);
  const known = new Set([...rules, ...ignoreRules].map(({ id }) => id));
  const reports = migrations.flatMap((migration) => {
    if (sets === "each") store.beginSet();
    if (only?.has(migration.name) === false) {
      passBy(parser, store, migration);
      return [];
    }
    return lintOne(parser, migration, { rules: chosen, known, store });
  });
  return joinReports(reports);
}

/** Several reports as one, in their order. */
export function joinReports(reports: readonly LintReport[]): LintReport {
  return {
    findings: reports.flatMap(({ findings }) => findings),
    unanalysed: reports.flatMap(({ unanalysed }) => unanalysed),
    statementCount: reports.reduce((sum, { statementCount }) => sum + statementCount, 0),
  };
}

/** A migration that nothing is said of. */
function passBy(parser: Parser, store: ModelStore, { up }: LintSource): void {
  store.resetSearchPath();
  const { statements } = unfold(parser, parser.parse(up.sql));
  for (const statement of statements) advance(store, statement);
}

interface Workplace {
  readonly rules: RuleChoice;
  /** The ids of all rules. */
  readonly known: ReadonlySet<string>;
  readonly store: ModelStore;
}

/** The rules that look at a statement of that kind, in their order. */
type RuleChoice = (node: Node) => readonly LintRule[];

function chooserOf(rules: readonly LintRule[]): RuleChoice {
  const byKind = new Map<string, readonly LintRule[]>();
  return (node) => {
    const [kind = ""] = Object.keys(node);
    const known = byKind.get(kind);
    if (known !== undefined) return known;
    const chosen = rules.filter(({ looksAt }) => looksAt?.some((one) => one === kind) ?? true);
    byKind.set(kind, chosen);
    return chosen;
  };
}

function lintOne(parser: Parser, { name, up }: LintSource, { rules, known, store }: Workplace): LintReport {
  store.resetSearchPath();
  const { path, sql, statements: parsed, isTransactional } = parseScript(parser, up);
  const { statements, gaps, comments } = unfold(parser, parsed);
  const hits = statements.flatMap((statement, index) => {
    const { model } = store;
    const context = { parser, migration: name, path, isTransactional, statements, index, model };
    const found: PlacedHit[] = [];
    for (const rule of rules(statement.node)) {
      for (const hit of rule.check(statement, context)) {
        const isExempt = rule.exemptsNewTables && hit.table !== undefined && model.table(hit.table)?.isNew === true;
        if (!isExempt) found.push(placedHit({ rule, hit, statement, store }));
      }
    }
    advance(store, statement);
    return found;
  });
  const own = sql.includes("roomctl-ignore") ? parser.comments(sql) : [];
  const ignores = readIgnores([...own, ...comments], statements, sql);
  const all = [...withReasons(hits, ignores), ...ignoreHits(ignores, hits, known)];
  const { at } = positionsIn(sql);
  const findings = all
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, finding }) => ({ migration: name, path, ...at(offset), ...finding }));
  const unanalysed = gaps.map(({ offset, why }: Gap) => ({ path, line: at(offset).line, migration: name, why }));
  return { findings, unanalysed, statementCount: statements.length };
}

/** What a function's body does happens when it is called, if ever. */
function advance(store: ModelStore, { node, runs, textFrom }: PlacedStatement): void {
  if (runs === "now") applyStatement(store, node, textFrom);
}

interface Found {
  readonly rule: LintRule;
  readonly hit: LintHit;
  readonly statement: PlacedStatement;
  readonly store: ModelStore;
}

function placedHit({ rule, hit, statement, store }: Found): PlacedHit {
  const table = hit.table && tableOf(store, hit.table);
  const size = table ? describeSize(table) : "";
  return {
    offset: hit.location === undefined ? statement.offset : statement.offsetAt(hit.location),
    statement,
    finding: {
      ...wordsOf(rule),
      severity: severityAtSize(hit.severity ?? rule.severity, rule, table),
      message: size === "" ? hit.message : `${hit.message} (${size})`,
      saferSql: hit.saferSql ?? null,
      table: table ?? null,
    },
  };
}

function tableOf(store: ModelStore, name: QualifiedName): LintedTable {
  const table = store.model.table(name);
  return { name: formatName(name), rows: table?.rows ?? null, sizeBytes: table?.sizeBytes ?? null };
}
