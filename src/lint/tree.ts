import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, DefElem, RangeVar } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { TableModel } from "./model.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext, LintStatement, NodeKind } from "./rule.js";

/*
 * Reading PostgreSQL's syntax trees. Zeros, empty strings and false are left out of them: a missing field is that.
 */

/** The relation that a tree names, by the search_path of the file. */
export function tableOf(context: LintContext, relation: RangeVar): QualifiedName {
  return context.model.resolve(relation);
}

/** ALTER TABLE, and the ALTERs of other relations that have its commands; undefined for every other statement. */
export function alterTableOf({ node }: LintStatement): AlterTableStmt | undefined {
  return "AlterTableStmt" in node ? node.AlterTableStmt : undefined;
}

/** The commands of ALTER TABLE in their order; none for every other statement. */
export function alterCommands(statement: LintStatement): readonly AlterTableCmd[] {
  const commands = alterTableOf(statement)?.cmds ?? [];
  return commands.flatMap((command) => ("AlterTableCmd" in command ? [command.AlterTableCmd] : []));
}

/** One command of an ALTER TABLE that the migration itself runs. */
export interface Alteration {
  readonly command: AlterTableCmd;
  readonly table: QualifiedName;
  readonly model: TableModel | undefined;
}

/** The commands of ALTER TABLE on a table; none where only a function is defined, or where IF EXISTS finds no table. */
export function alterationsOf(statement: LintStatement, context: LintContext): readonly Alteration[] {
  const alter = alterTableOf(statement);
  if (statement.runs === "called" || alter?.relation === undefined || alter.objtype !== "OBJECT_TABLE") return [];
  const table = tableOf(context, alter.relation);
  const model = context.model.table(table);
  if (alter.missing_ok && model === undefined && context.model.isComplete) return [];
  return alterCommands(statement).map((command) => ({ command, table, model }));
}

export interface AddedColumn extends Alteration {
  readonly column: ColumnDef;
  readonly name: string;
}

/** The columns that ALTER TABLE adds, but for one that IF NOT EXISTS will skip. */
export function addedColumnsOf(statement: LintStatement, context: LintContext): readonly AddedColumn[] {
  return alterationsOf(statement, context).flatMap((alteration) => {
    const { command, model } = alteration;
    const column = command.subtype === "AT_AddColumn" ? columnIn(command.def) : undefined;
    const name = column?.colname;
    if (column === undefined || name === undefined) return [];
    const isThere = model?.columns.some((one) => one.name === name);
    return command.missing_ok && isThere ? [] : [{ ...alteration, column, name }];
  });
}

/** The column in a node: of ADD COLUMN, ALTER COLUMN TYPE, or an element of CREATE TABLE. */
export function columnIn(node: Node | undefined): ColumnDef | undefined {
  return node && "ColumnDef" in node ? node.ColumnDef : undefined;
}

/** The constraint in a node: of ADD CONSTRAINT, of a column, or an element of CREATE TABLE. */
export function constraintIn(node: Node | undefined): Constraint | undefined {
  return node && "Constraint" in node ? node.Constraint : undefined;
}

export function constraintsIn(nodes: readonly Node[] | undefined): readonly Constraint[] {
  return (nodes ?? []).flatMap((node) => constraintIn(node) ?? []);
}

/** What DROP names, each as its list of strings: `["app", "users"]`; of a trigger, rule or policy its own name last. */
export function droppedNames(objects: readonly Node[] | undefined): readonly (readonly string[])[] {
  return (objects ?? []).map((object) => stringsIn("List" in object ? object.List.items : [object]));
}

/** The full name of such a list. */
export function nameIn(context: LintContext, parts: readonly string[]): QualifiedName {
  return context.model.resolve(nameFromParts(parts));
}

/** The option of that name in `WITH (…)`, `(FULL, ANALYZE)` and the like. */
export function defElem(nodes: readonly Node[] | undefined, name: string): DefElem | undefined {
  for (const node of nodes ?? []) if ("DefElem" in node && node.DefElem.defname === name) return node.DefElem;
  return undefined;
}

/** True when an option is there and not turned off: `FULL`, `FULL true`, but not `FULL off`. */
export function hasDefElem(nodes: readonly Node[] | undefined, name: string): boolean {
  const option = defElem(nodes, name);
  if (option === undefined) return false;
  const value = JSON.stringify(option.arg ?? "");
  return !/"(?:off|false|no|0)"|"ival":0|"(?:Integer|Boolean)":\{\}/i.test(value);
}

type NodeOfKind<Kind extends NodeKind> = Extract<Node, Record<Kind, unknown>>[Kind];

/** Every node below a tree that is of one kind: `nodesOf(expression, "FuncCall")`. */
export function nodesOf<Kind extends NodeKind>(tree: unknown, kind: Kind): readonly NodeOfKind<Kind>[] {
  if (typeof tree !== "object" || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]) => [
    // The key tells the kind: that is how the parser writes a node.
    ...(key === kind ? [value as NodeOfKind<Kind>] : []),
    ...nodesOf(value, kind),
  ]);
}
