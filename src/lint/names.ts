import type { Node } from "../db/parse.js";

/** A name as a statement spells it; without a schema, the search_path decides. */
export interface WrittenName {
  readonly schemaname?: string;
  readonly relname?: string;
}

/** The strings of a list of nodes, others left out: the parts of a name, the columns of a key. */
export function stringsIn(nodes: readonly Node[] | undefined): readonly string[] {
  return (nodes ?? []).flatMap((node) => ("String" in node ? [node.String.sval ?? ""] : []));
}

/** A name from its parts, `[schema, name]` or `[name]`; a database in front is left out. */
export function nameFromParts(parts: readonly string[]): WrittenName {
  const [schemaname, relname] = [parts.at(-2), parts.at(-1)];
  return { ...(schemaname === undefined ? {} : { schemaname }), ...(relname === undefined ? {} : { relname }) };
}

/** The name in a node of DROP, COMMENT or ALTER: a list of strings, a type, a function with its arguments, one string. */
export function nameInNode(node: Node | undefined): WrittenName | undefined {
  if (node === undefined) return undefined;
  if ("List" in node) return nameFromParts(stringsIn(node.List.items));
  if ("TypeName" in node) return nameFromParts(stringsIn(node.TypeName.names));
  if ("ObjectWithArgs" in node) return nameFromParts(stringsIn(node.ObjectWithArgs.objname));
  if ("String" in node) return { relname: node.String.sval ?? "" };
  return undefined;
}

/** The names of nodes that are tables: `RangeVar` or a list of strings. */
export function tablesIn(nodes: readonly Node[] | undefined): readonly WrittenName[] {
  return (nodes ?? []).flatMap((node): readonly WrittenName[] =>
    "RangeVar" in node ? [node.RangeVar] : "List" in node ? [nameFromParts(stringsIn(node.List.items))] : [],
  );
}
