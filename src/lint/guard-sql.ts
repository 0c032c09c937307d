import type { Effect } from "./effects.js";
import type { LintStatement } from "./rule.js";

/** The statement with IF NOT EXISTS, IF EXISTS or OR REPLACE where PostgreSQL has it; undefined where it has not. */
export function withOwnGuard({ text }: LintStatement, { action, kind }: Effect): string | undefined {
  const guarded =
    action === "create"
      ? createGuarded(text, kind)
      : text.replace(...(action === "drop" ? dropForms(kind) : renameForm));
  return guarded === undefined || guarded === text ? undefined : ended(guarded);
}

/** The statement in a DO block that looks into the catalog first; inside a body, only the IF. */
export function withCatalogGuard(statement: LintStatement, { action, exists }: Effect): string | undefined {
  if (exists === undefined) return undefined;
  const condition = action === "create" ? negated(exists) : exists;
  const inner = `IF ${condition} THEN\n  ${ended(statement.text)}\nEND IF;`;
  if (statement.isInBody) return inner;
  const tag = statement.text.includes("$guard$") ? "$guarded$" : "$guard$";
  return `DO ${tag}\nBEGIN\n${inner.replace(/^/gm, "  ")}\nEND\n${tag};`;
}

function negated(exists: string): string {
  return exists.endsWith(" IS NOT NULL") ? exists.replace(/ IS NOT NULL$/, " IS NULL") : `NOT ${exists}`;
}

function ended(text: string): string {
  return `${text.replace(/;\s*$/, "")};`;
}

type Replacement = readonly [RegExp, string];

const modifiers = "(?:\\s+(?:global|local|unlogged|unique|constraint|recursive|trusted|procedural))*";

function createGuarded(text: string, kind: Effect["kind"]): string | undefined {
  if (kind === "column") return text.replace(/\badd\s+(?:column\s+)?/i, "ADD COLUMN IF NOT EXISTS ");
  if (kind === "enum value") return text.replace(/\badd\s+value\s+/i, "ADD VALUE IF NOT EXISTS ");
  if (/^(?:view|function|procedure|rule|aggregate)$/.test(kind))
    return text.replace(/^create\s+/i, "CREATE OR REPLACE ");
  // A constraint trigger cannot be replaced.
  if (kind === "trigger") return text.replace(/^create\s+(?=trigger)/i, "CREATE OR REPLACE ");
  if (!/^(?:table|index|sequence|schema|extension|materialized view|foreign table)$/.test(kind)) return undefined;
  const words = kind === "index" ? "index(?:\\s+concurrently)?" : kind.replace(" ", "\\s+");
  return text.replace(new RegExp(`^create${modifiers}\\s+${words}\\s+`, "i"), (start) => `${start}IF NOT EXISTS `);
}

function dropForms(kind: Effect["kind"]): Replacement {
  if (kind === "column") return [/\bdrop\s+(?:column\s+)?/i, "DROP COLUMN IF EXISTS "];
  if (kind === "constraint" || kind === "domain constraint")
    return [/\bdrop\s+constraint\s+/i, "DROP CONSTRAINT IF EXISTS "];
  if (kind === "identity") return [/\bdrop\s+identity\b/i, "DROP IDENTITY IF EXISTS"];
  if (kind === "attribute") return [/\bdrop\s+attribute\s+/i, "DROP ATTRIBUTE IF EXISTS "];
  if (kind === "partition" || kind === "publication table") return [/^$/, ""];
  return [
    /^(drop\s+(?:(?:materialized|foreign|event|text\s+search|user)\s+)?(?:access\s+method|operator\s+class|operator\s+family|\w+)(?:\s+concurrently)?)\s+/i,
    "$1 IF EXISTS ",
  ];
}

/** ALTER TABLE IF EXISTS asks for the table, so it is a guard only where the table itself is renamed. */
const renameForm: Replacement = [
  /^(alter\s+(?:table|view|materialized\s+view|index|sequence|foreign\s+table))\s+(?!if\b)(?=(?:\S+|"[^"]*")\s+(?:rename\s+to|set\s+schema)\b)/i,
  "$1 IF EXISTS ",
];
