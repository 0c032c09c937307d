import type { ColumnDef, Constraint } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import type { LintContext, LintStatement } from "./rule.js";
import { sqlColumn, sqlName } from "./sql.js";
import { addedColumnsOf, alterationsOf, constraintIn, constraintsIn } from "./tree.js";

/** A constraint that ALTER TABLE adds, by itself or beside a new column. */
export interface AddedConstraint {
  readonly constraint: Constraint;
  readonly table: QualifiedName;
  /** The new column that it stands beside. */
  readonly column: string | undefined;
  readonly definition?: ColumnDef;
}

/** The constraints that ALTER TABLE adds, in the order of its commands. */
export function addedConstraints(statement: LintStatement, context: LintContext): readonly AddedConstraint[] {
  const alone = alterationsOf(statement, context).flatMap(({ command, table }): readonly AddedConstraint[] => {
    const constraint = command.subtype === "AT_AddConstraint" ? constraintIn(command.def) : undefined;
    return constraint ? [{ constraint, table, column: undefined }] : [];
  });
  const beside = addedColumnsOf(statement, context).flatMap(({ column, table, name }) =>
    constraintsIn(column.constraints).map((constraint) => ({ constraint, table, column: name, definition: column })),
  );
  return [...alone, ...beside];
}

/** NOT VALID, and PostgreSQL 18's NOT ENFORCED, read nothing. */
export function isValidatedNow({ skip_validation: isNotValid, is_enforced: isEnforced }: Constraint): boolean {
  return !isNotValid && isEnforced === true;
}

/** The same constraint in two migrations. */
export function notValidSql({ table, constraint }: AddedConstraint, name: string, clause: string): string {
  const [on, quoted] = [`ALTER TABLE ${sqlName(table)}`, sqlColumn(name)];
  const definition = constraint.conname === undefined ? `CONSTRAINT ${quoted} ${clause}` : clause;
  return [
    `${on} ADD ${definition} NOT VALID;`,
    "-- in the next migration:",
    `${on} VALIDATE CONSTRAINT ${quoted};`,
  ].join("\n");
}
