import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintStatement } from "./rule.js";

/** True for a temporary table of the file, which the model does not count as one of the app's. */
export function isTemporary(name: string | undefined, context: LintContext): boolean {
  return (
    temporaryTables(context)
      .get(name ?? "")
      ?.some(({ index }) => index < context.index) ?? false
  );
}

/** By their names, with the places where they are made. */
const temporaryTables = perFile(({ statements }) => {
  const placed = statements.map((statement, index) => ({ name: temporaryName(statement), index }));
  return groupBy(placed, ({ name }) => (name === undefined ? [] : [name]));
});

function temporaryName({ node }: LintStatement): string | undefined {
  const created = "CreateStmt" in node ? node.CreateStmt.relation : undefined;
  const relation = "CreateTableAsStmt" in node ? node.CreateTableAsStmt.into?.rel : created;
  return relation?.relpersistence === "t" ? relation.relname : undefined;
}
