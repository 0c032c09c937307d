import type { Constraint, CreateStmt } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import { addedConstraints } from "./added-constraints.js";
import { isSkipped } from "./locked-tables.js";
import { stringsIn } from "./names.js";
import type { LintContext, LintStatement } from "./rule.js";
import { columnIn, constraintIn, constraintsIn, tableOf } from "./tree.js";

/** A foreign key that a statement makes. */
export interface ForeignKey {
  readonly constraint: Constraint;
  /** The referencing table. */
  readonly table: QualifiedName;
  readonly columns: readonly string[];
  readonly parent: QualifiedName;
  /** CREATE TABLE, when it comes with its table. */
  readonly create: CreateStmt | undefined;
  /** True beside a new column, false for a constraint of the table. */
  readonly isOfColumn: boolean;
}

/** The foreign keys of CREATE TABLE and ALTER TABLE, in the order of the text. */
export function foreignKeysOf(statement: LintStatement, context: LintContext): readonly ForeignKey[] {
  const added = addedConstraints(statement, context).map(({ constraint, table, column }) => ({
    constraint,
    table,
    column,
    create: undefined,
  }));
  return [...added, ...createdConstraints(statement, context)].flatMap(({ column, ...made }) => {
    const { contype, pktable, fk_attrs: columns } = made.constraint;
    if (contype !== "CONSTR_FOREIGN" || pktable === undefined) return [];
    return [
      {
        ...made,
        parent: tableOf(context, pktable),
        columns: column === undefined ? stringsIn(columns) : [column],
        isOfColumn: column !== undefined,
      },
    ];
  });
}

interface CreatedConstraint {
  readonly constraint: Constraint;
  readonly table: QualifiedName;
  readonly column: string | undefined;
  readonly create: CreateStmt;
}

function createdConstraints({ node, runs }: LintStatement, context: LintContext): readonly CreatedConstraint[] {
  const create = runs === "now" && "CreateStmt" in node ? node.CreateStmt : undefined;
  if (create?.relation === undefined || isSkipped(create, context)) return [];
  const table = tableOf(context, create.relation);
  return (create.tableElts ?? []).flatMap((element) => {
    const alone = constraintIn(element);
    if (alone !== undefined) return [{ constraint: alone, table, column: undefined, create }];
    const column = columnIn(element);
    return constraintsIn(column?.constraints).map((constraint) => ({
      constraint,
      table,
      column: column?.colname,
      create,
    }));
  });
}
