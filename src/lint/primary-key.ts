import type { CreateStmt } from "libpg-query";
import { isSameName, type QualifiedName } from "../db/identifier.js";
import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintStatement } from "./rule.js";
import { alterCommands, alterTableOf, columnIn, constraintIn, constraintsIn } from "./tree.js";

/** True for CREATE TABLE with a primary key, in a column or beside them, or copied with LIKE … INCLUDING INDEXES. */
export function definesPrimaryKey({ tableElts = [] }: CreateStmt): boolean {
  return tableElts.some((element) => {
    if ("TableLikeClause" in element) return ((element.TableLikeClause.options ?? 0) & includingIndexes) !== 0;
    const own = constraintsIn(columnIn(element)?.constraints);
    return [...own, ...constraintsIn([element])].some(({ contype }) => contype === "CONSTR_PRIMARY");
  });
}

/** CREATE_TABLE_LIKE_INDEXES of parsenodes.h; ALL has it too. */
const includingIndexes = 1 << 6;

/** True when a later statement of the file adds a primary key to the table. */
export function addsPrimaryKeyLater(table: QualifiedName, context: LintContext): boolean {
  return later(table, context).some((statement) =>
    alterCommands(statement).some(({ def }) => constraintIn(def)?.contype === "CONSTR_PRIMARY" || hasKeyColumn(def)),
  );
}

/** True when a later statement of the file gives the table a primary key or a replica identity. */
export function addsIdentityLater(table: QualifiedName, context: LintContext): boolean {
  const identities = later(table, context).flatMap((statement) =>
    alterCommands(statement).flatMap(({ def }) =>
      def !== undefined && "ReplicaIdentityStmt" in def ? [def.ReplicaIdentityStmt.identity_type] : [],
    ),
  );
  return addsPrimaryKeyLater(table, context) || identities.some((type) => type === "f" || type === "i");
}

function later(table: QualifiedName, context: LintContext): readonly LintStatement[] {
  const altering = alteringByName(context).get(table.name) ?? [];
  return altering.flatMap(({ index, relation, statement }) =>
    index > context.index && isSameName(context.model.resolve(relation), table) ? [statement] : [],
  );
}

const alteringByName = perFile(({ statements }) => {
  const altering = statements.flatMap((statement, index) => {
    const { relation } = alterTableOf(statement) ?? {};
    return relation !== undefined && statement.runs === "now" ? [{ statement, index, relation }] : [];
  });
  return groupBy(altering, ({ relation }) => [relation.relname ?? ""]);
});

function hasKeyColumn(def: Parameters<typeof columnIn>[0]): boolean {
  return constraintsIn(columnIn(def)?.constraints).some(({ contype }) => contype === "CONSTR_PRIMARY");
}
