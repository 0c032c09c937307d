import { quoteIdentifier } from "../db/identifier.js";
import type { Database } from "../db/pool.js";
import type { ParsedMigration } from "./build.js";

/** Makes the roles that migrations name and the scratch server does not know; those that they make themselves aside. */
export async function createNamedRoles(database: Database, migrations: readonly ParsedMigration[]): Promise<void> {
  const nodes = migrations.flatMap(({ up }) => up.statements.map(({ node }) => node));
  const names = new Set(nodes.flatMap(rolesIn));
  for (const node of nodes) {
    if (node !== undefined && "CreateRoleStmt" in node && node.CreateRoleStmt.role)
      names.delete(node.CreateRoleStmt.role);
  }
  if (names.size === 0) return;
  const known = await database.query<{ name: string }>("SELECT rolname AS name FROM pg_roles");
  for (const { name } of known) names.delete(name);
  for (const name of names) await database.execute(`CREATE ROLE ${quoteIdentifier(name)}`);
}

function rolesIn(node: unknown): readonly string[] {
  if (typeof node !== "object" || node === null) return [];
  const role: unknown = Reflect.get(node, "RoleSpec");
  const name: unknown = typeof role === "object" && role !== null ? Reflect.get(role, "rolename") : undefined;
  return [...(typeof name === "string" ? [name] : []), ...setRoles(node), ...Object.values(node).flatMap(rolesIn)];
}

/** SET ROLE and SET SESSION AUTHORIZATION name theirs as a value. */
function setRoles(node: object): readonly string[] {
  const set: unknown = Reflect.get(node, "VariableSetStmt");
  if (typeof set !== "object" || set === null) return [];
  const name: unknown = Reflect.get(set, "name");
  if (name !== "role" && name !== "session_authorization") return [];
  const values = JSON.stringify(Reflect.get(set, "args") ?? []).matchAll(/"sval":("(?:[^"\\]|\\.)*")\}/g);
  return [...values].map((match) => String(JSON.parse(match[1] ?? '""'))).filter((role) => role !== "none");
}
