import type { Node } from "../db/parse.js";
import { newTable } from "./model-inherit.js";
import { alterPublication, createPublication, dropObjects, moveToSchema, renameObject } from "./model-object.js";
import type { ModelStore } from "./model-store.js";
import { alterTable, createIndex, createTable } from "./model-table.js";
import { nameFromParts, stringsIn } from "./names.js";
import { searchPathOf } from "./search-path.js";

/** Brings the model to the state after a statement. What the model does not hold (data, grants, comments) passes by. */
export function applyStatement(store: ModelStore, node: Node, textFrom: (location: number) => string): void {
  const path = searchPathOf(node);
  if (path !== undefined) store.setSearchPath(path);
  else if ("CreateStmt" in node) createTable(store, node.CreateStmt, textFrom);
  else if ("AlterTableStmt" in node) alterTable(store, node.AlterTableStmt, textFrom);
  else if ("IndexStmt" in node) createIndex(store, node.IndexStmt);
  else if ("DropStmt" in node) dropObjects(store, node.DropStmt);
  else if ("RenameStmt" in node) renameObject(store, node.RenameStmt);
  else if ("AlterObjectSchemaStmt" in node) moveToSchema(store, node.AlterObjectSchemaStmt);
  else if ("CreatePublicationStmt" in node) createPublication(store, node.CreatePublicationStmt);
  else if ("AlterPublicationStmt" in node) alterPublication(store, node.AlterPublicationStmt);
  else if ("SelectStmt" in node) applySelect(store, node);
  else if ("CreateTableAsStmt" in node) createTableAs(store, node);
  else if ("CreateSchemaStmt" in node) createSchema(store, node, textFrom);
  else createOther(store, node);
}

/** SELECT INTO. */
function applySelect(store: ModelStore, node: Node): void {
  const into = "SelectStmt" in node ? node.SelectStmt.intoClause?.rel : undefined;
  if (into) store.putTable(newTable(store.placeFor(into), { hasKnownColumns: false }));
}

function createTableAs(store: ModelStore, node: Node): void {
  if (!("CreateTableAsStmt" in node)) return;
  const { into, objtype } = node.CreateTableAsStmt;
  const name = store.placeFor(into?.rel);
  if (objtype === "OBJECT_MATVIEW") store.put("materialized view", name);
  else if (!store.model.has("table", name)) store.putTable(newTable(name, { hasKnownColumns: false }));
}

function createSchema(store: ModelStore, node: Node, textFrom: (location: number) => string): void {
  if (!("CreateSchemaStmt" in node)) return;
  const { schemaname = "", schemaElts } = node.CreateSchemaStmt;
  store.put("schema", { schema: "", name: schemaname });
  for (const element of schemaElts ?? []) {
    if ("CreateStmt" in element) {
      const relation = {
        ...element.CreateStmt.relation,
        schemaname: element.CreateStmt.relation?.schemaname ?? schemaname,
      };
      createTable(store, { ...element.CreateStmt, relation }, textFrom);
    } else applyStatement(store, element, textFrom);
  }
}

/** Objects of which only the name is kept. */
function createOther(store: ModelStore, node: Node): void {
  const named = (parts: readonly Node[] | undefined) => store.placeFor(nameFromParts(stringsIn(parts)));
  if ("ViewStmt" in node) store.put("view", store.placeFor(node.ViewStmt.view));
  else if ("CreateSeqStmt" in node) store.put("sequence", store.placeFor(node.CreateSeqStmt.sequence));
  else if ("CreateEnumStmt" in node) store.put("type", named(node.CreateEnumStmt.typeName));
  else if ("CreateDomainStmt" in node) store.put("type", named(node.CreateDomainStmt.domainname));
  else if ("CreateRangeStmt" in node) store.put("type", named(node.CreateRangeStmt.typeName));
  else if ("CompositeTypeStmt" in node) store.put("type", store.placeFor(node.CompositeTypeStmt.typevar));
  else if ("CreateFunctionStmt" in node) store.put("function", named(node.CreateFunctionStmt.funcname));
  else if ("DefineStmt" in node)
    store.put(node.DefineStmt.kind === "OBJECT_AGGREGATE" ? "function" : "type", named(node.DefineStmt.defnames));
  else if ("CreateExtensionStmt" in node)
    store.put("extension", { schema: "", name: node.CreateExtensionStmt.extname ?? "" });
  else if ("CreateRoleStmt" in node) store.put("role", { schema: "", name: node.CreateRoleStmt.role ?? "" });
  else if ("CreateForeignTableStmt" in node) {
    // Its columns are told the way a table's are, but nothing that PostgreSQL does to tables is done to it.
    const name = store.placeFor(node.CreateForeignTableStmt.base?.relation);
    store.putTable(newTable(name, { hasKnownColumns: false }));
  } else createOnTable(store, node);
}

/** What belongs to a table is named after it. */
function createOnTable(store: ModelStore, node: Node): void {
  const put = (
    kind: "trigger" | "policy" | "rule",
    table: Parameters<typeof store.find>[0],
    own: string | undefined,
  ) => {
    const { schema, name } = store.model.resolve(table ?? {});
    store.put(kind, { schema, name: `${name}.${own}` });
  };
  if ("CreateTrigStmt" in node) put("trigger", node.CreateTrigStmt.relation, node.CreateTrigStmt.trigname);
  else if ("CreatePolicyStmt" in node) put("policy", node.CreatePolicyStmt.table, node.CreatePolicyStmt.policy_name);
  else if ("RuleStmt" in node) put("rule", node.RuleStmt.relation, node.RuleStmt.rulename);
}
