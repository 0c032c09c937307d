import { isSameName, type QualifiedName } from "../db/identifier.js";
import { effectsOfFile } from "./effects.js";
import { relationKey } from "./effects-name.js";
import { groupBy } from "./group-by.js";
import { stringsIn, tablesIn } from "./names.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintStatement } from "./rule.js";
import { droppedNames, nodesOf } from "./tree.js";

/** Emptied before by the same file: DELETE … then INSERT. A CREATE TABLE that would fail has an empty table too. */
export function isFilledAnew(table: QualifiedName, context: LintContext): boolean {
  const { model } = context;
  const isMadeHere = (effectsOfFile(context).byKey.get(relationKey(table)) ?? []).some(
    ({ effect: { action, kind, hasGuard }, index }) =>
      action === "create" && kind === "table" && !hasGuard && index < context.index,
  );
  if (isMadeHere) return true;
  const named = (relation: { readonly schemaname?: string; readonly relname?: string } | undefined) =>
    relation !== undefined && isSameName(model.resolve(relation), table);
  return emptyingBefore(table.name, context).some(({ node }) => {
    if ("DeleteStmt" in node) return named(node.DeleteStmt.relation);
    if ("DropStmt" in node)
      return nodesOf(node.DropStmt.objects, "List").some(({ items }) => stringsIn(items).at(-1) === table.name);
    return "TruncateStmt" in node && nodesOf(node.TruncateStmt.relations, "RangeVar").some(named);
  });
}

/** The statements before this one that take rows or tables of that name away: DELETE, TRUNCATE, DROP. */
function emptyingBefore(table: string, context: LintContext): readonly LintStatement[] {
  const emptied = emptyingByName(context).get(table) ?? [];
  return emptied.flatMap(({ index, statement }) => (index < context.index ? [statement] : []));
}

const emptyingByName = perFile(({ statements }) => {
  const placed = statements.map((statement, index) => ({ statement, index }));
  return groupBy(placed, ({ statement }) => (statement.runs === "now" ? emptiedNames(statement) : []));
});

function emptiedNames({ node }: LintStatement): readonly string[] {
  if ("DeleteStmt" in node) return [node.DeleteStmt.relation?.relname ?? ""];
  if ("TruncateStmt" in node) return tablesIn(node.TruncateStmt.relations).map(({ relname = "" }) => relname);
  return "DropStmt" in node ? droppedNames(node.DropStmt.objects).map((parts) => parts.at(-1) ?? "") : [];
}
