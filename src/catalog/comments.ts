import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { objectId } from "./unit.js";

export interface Comment {
  /** The object that it is about, or whose column. */
  readonly id: string;
  readonly column: string | null;
  /** Null where there is none, and there would be one. */
  readonly text: string | null;
}

export async function readComments(connection: Connection): Promise<readonly Comment[]> {
  const rows = await connection.query<{ catalog: string; object: number; column: string | null; text: string | null }>(
    loadStatement("catalog/comments"),
  );
  return rows.map(({ catalog, object, column, text }) => ({ id: objectId(catalog, object), column, text }));
}

/** `address` as in ALTER: `TABLE "public"."users"`. Pure. */
export function commentStatement(address: string, { column, text }: Comment): string {
  const quoted = text === null ? "NULL" : quoteLiteral(text);
  if (column === null) return `COMMENT ON ${address} IS ${quoted}`;
  const relation = address.replace(/^(?:MATERIALIZED VIEW|FOREIGN TABLE|[A-Z]+) /, "");
  return `COMMENT ON COLUMN ${relation}.${quoteIdentifier(column)} IS ${quoted}`;
}
