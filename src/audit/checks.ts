import { isAbsolute } from "node:path";
import type { AuditCheck } from "../core/catalogue.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Finding } from "./finding.js";

const shownCases = 5;

/**
 * Asks one question of the app's rows: a finding with the first cases, or none. A cursor takes the app's statement as it
 * is written, and counts the cases that are not shown without sending them here. Needs a transaction.
 */
export async function checkFindings(connection: Connection, check: AuditCheck): Promise<readonly Finding[]> {
  await connection.execute(`DECLARE audit_cases NO SCROLL CURSOR FOR ${loadStatement(check.statement)}`);
  const found = await connection.query<{ subject?: unknown }>(`FETCH ${shownCases} FROM audit_cases`);
  if (found.length === 0) return [];
  const more = await connection.execute("MOVE FORWARD ALL IN audit_cases");
  const cases = found.map(({ subject }) => String(subject ?? "(unnamed)"));
  return [casesFinding(check, found.length + more, cases)];
}

function casesFinding(check: AuditCheck, count: number, cases: readonly string[]): Finding {
  return {
    id: check.id,
    severity: check.severity,
    subject: check.needs.join(", "),
    title: check.title.replaceAll("{count}", count.toLocaleString("en-US")),
    why: `the rows say so: ${isAbsolute(check.statement) ? check.statement : `sql/${check.statement}.sql`}`,
    hint: check.hint,
    count,
    cases,
  };
}
