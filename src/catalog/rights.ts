import { quoteIdentifier } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { catalogStatement } from "./statement.js";
import { objectId } from "./unit.js";

interface Change {
  readonly change: "GRANT" | "GRANT OPTION" | "REVOKE" | "REVOKE OPTION";
  /** Null for PUBLIC. */
  readonly grantee: string | null;
  readonly privileges: readonly string[];
}

interface ObjectChange extends Change {
  readonly byOwner: boolean;
  readonly grantor: string;
}

interface RightsRow {
  readonly catalog: string;
  readonly object: number;
  /** Quoted. */
  readonly column: string | null;
  readonly changes: readonly ObjectChange[] | null;
}

export interface ObjectRights {
  readonly id: string;
  readonly column: string | null;
  readonly changes: readonly ObjectChange[];
}

/** Privileges of objects that differ from those that they are made with. */
export async function readRights(connection: Connection, major: number): Promise<readonly ObjectRights[]> {
  const rows = await connection.query<RightsRow>(catalogStatement("rights", major));
  return rows.flatMap(({ catalog, object, column, changes }) =>
    changes === null ? [] : [{ id: objectId(catalog, object), column, changes }],
  );
}

/** `address` as in ALTER. What another role than the owner gave is given by that role again. Pure. */
export function rightsStatements(address: string, { column, changes }: ObjectRights): readonly string[] {
  const target = address
    .replace(/^(?:MATERIALIZED VIEW|FOREIGN TABLE|VIEW) /, "TABLE ")
    .replace(/^SERVER /, "FOREIGN SERVER ");
  return changes.flatMap((change) => {
    const statement = changeStatement(change, `ON ${target}`, column);
    return change.byOwner ? [statement] : [`SET ROLE ${quoteIdentifier(change.grantor)}`, statement, "RESET ROLE"];
  });
}

interface DefaultRightsRow {
  readonly role: string;
  readonly schema: string | null;
  readonly kind: string;
  readonly changes: readonly Change[];
}

/** ALTER DEFAULT PRIVILEGES: after everything is made, since they would apply to it. */
export async function readDefaultRights(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.query<DefaultRightsRow>(loadStatement("catalog/default-rights"));
  return rows.flatMap(({ role, schema, kind, changes }) => {
    const where = schema === null ? "" : ` IN SCHEMA ${quoteIdentifier(schema)}`;
    const start = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(role)}${where}`;
    return changes.map((change) => `${start} ${changeStatement(change, `ON ${kind}`)}`);
  });
}

function changeStatement(
  { change, grantee, privileges }: Change,
  target: string,
  column: string | null = null,
): string {
  const columns = column === null ? "" : ` (${column})`;
  const list = privileges.map((privilege) => `${privilege}${columns}`).join(", ");
  const role = grantee === null ? "PUBLIC" : quoteIdentifier(grantee);
  switch (change) {
    case "GRANT":
      return `GRANT ${list} ${target} TO ${role}`;
    case "GRANT OPTION":
      return `GRANT ${list} ${target} TO ${role} WITH GRANT OPTION`;
    case "REVOKE":
      return `REVOKE ${list} ${target} FROM ${role}`;
    case "REVOKE OPTION":
      return `REVOKE GRANT OPTION FOR ${list} ${target} FROM ${role}`;
  }
}
