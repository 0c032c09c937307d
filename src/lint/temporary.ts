import type { LintContext, LintStatement } from "./rule.js";

/* Earlier statements of a file that others ask for. They are looked up once: a file may have thousands of INSERTs. */

/** True for a temporary table of the file, which the model does not count as one of the app's. */
export function isTemporary(name: string | undefined, context: LintContext): boolean {
  return name !== undefined && helpersOf(context).some((one) => one.index < context.index && one.temporary === name);
}

/** The statements before this one that take rows or tables away: DELETE, TRUNCATE, DROP. */
export function emptyingBefore(context: LintContext): readonly LintStatement[] {
  return helpersOf(context).flatMap(({ index, temporary, statement }) =>
    index < context.index && temporary === undefined ? [statement] : [],
  );
}

interface Helper {
  readonly statement: LintStatement;
  readonly index: number;
  readonly temporary: string | undefined;
}

function helpersOf({ statements }: LintContext): readonly Helper[] {
  const known = helpers.get(statements);
  if (known !== undefined) return known;
  const found = statements.flatMap((statement, index): readonly Helper[] => {
    const temporary = temporaryName(statement);
    return temporary !== undefined || takesAway(statement) ? [{ statement, index, temporary }] : [];
  });
  helpers.set(statements, found);
  return found;
}

const helpers = new WeakMap<readonly LintStatement[], readonly Helper[]>();

function takesAway({ node, runs }: LintStatement): boolean {
  return runs === "now" && ("DeleteStmt" in node || "TruncateStmt" in node || "DropStmt" in node);
}

function temporaryName({ node }: LintStatement): string | undefined {
  const created = "CreateStmt" in node ? node.CreateStmt.relation : undefined;
  const relation = "CreateTableAsStmt" in node ? node.CreateTableAsStmt.into?.rel : created;
  return relation?.relpersistence === "t" ? relation.relname : undefined;
}
