import { formatName, type QualifiedName, quoteIdentifier, quoteLiteral, quoteName } from "../db/identifier.js";
import type { Unread } from "./attempt.js";
import type { Finding } from "./finding.js";

interface UnreadObject {
  readonly kind: "table" | "sequence" | "foreign key" | "check";
  /** As a person would name it. */
  readonly subject: string;
  /** The relation that has to be read for it, where it is one. */
  readonly relation?: QualifiedName;
  readonly role: string;
}

/** Something that could not be read: what is known about it stops there, and the audit goes on. */
export function unreadFinding({ kind, subject, relation, role }: UnreadObject, unread: Unread): Finding {
  return {
    id: `${kind.replace(" ", "-")}-not-read`,
    severity: unread.reason === "failed" ? "error" : "warning",
    subject,
    title: `${kind} ${subject} was not read: ${unread.reason === "failed" ? "the server refused" : unread.reason}`,
    why: unread.message,
    hint: hintFor(unread.reason, relation, role),
  };
}

function hintFor(reason: Unread["reason"], relation: QualifiedName | undefined, role: string): string {
  switch (reason) {
    case "locked":
      return relation
        ? `SELECT pid, application_name, query FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE relation = ${quoteLiteral(quoteName(relation))}::regclass;`
        : "SELECT pid, application_name, query FROM pg_stat_activity WHERE backend_xid IS NOT NULL;";
    case "no privilege":
      return relation ? grantHint(relation, role) : `GRANT pg_read_all_data TO ${quoteIdentifier(role)};`;
    case "failed":
      return relation
        ? `SELECT count(*) FROM ${quoteName(relation)};`
        : "read the message above, then run the audit again";
  }
}

/** What lets a role read a table or a sequence. */
export function grantHint(relation: QualifiedName, role: string): string {
  const [schema, reader] = [quoteIdentifier(relation.schema), quoteIdentifier(role)];
  return `GRANT USAGE ON SCHEMA ${schema} TO ${reader}; GRANT SELECT ON ${quoteName(relation)} TO ${reader};`;
}

/** Row security stands between this role and some of the rows. */
export function hiddenRowsFinding(table: QualifiedName, role: string): Finding {
  return {
    id: "rows-hidden",
    severity: "info",
    subject: formatName(table),
    title: `row security decides which rows of ${formatName(table)} this role sees`,
    why: "the numbers count visible rows only",
    hint: `audit as a role that bypasses it: ALTER ROLE ${quoteIdentifier(role)} BYPASSRLS;`,
  };
}
