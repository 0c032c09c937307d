import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { AuditColumn, AuditTable, Unchecked } from "./facts.js";
import type { Finding } from "./finding.js";

/** What is wrong with tables and columns as declared. A partition repeats its parent, so only the parent is judged. */
export function tableFindings(tables: readonly AuditTable[]): readonly Finding[] {
  return tables
    .filter(({ isPartition, kind }) => !isPartition && kind !== "foreign")
    .flatMap((table) => [
      ...(table.hasPrimaryKey ? [] : [withoutPrimaryKey(table)]),
      ...table.columns.flatMap((column) => columnFindings(table, column)),
    ]);
}

function withoutPrimaryKey(table: AuditTable): Finding {
  return {
    id: "table-without-primary-key",
    severity: "warning",
    subject: formatName(table),
    title: `table ${formatName(table)} has no primary key`,
    why: "equal rows cannot be told apart, and logical replication refuses its updates and deletes",
    hint: `ALTER TABLE ${quoteName(table)} ADD PRIMARY KEY (…); or, without a key of its own: ALTER TABLE ${quoteName(table)} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;`,
  };
}

function columnFindings(table: AuditTable, column: AuditColumn): readonly Finding[] {
  const subject = `${formatName(table)}.${column.name}`;
  const retype = (type: string, using: string) =>
    `ALTER TABLE ${quoteName(table)} ALTER COLUMN ${quoteIdentifier(column.name)} TYPE ${type} USING ${quoteIdentifier(column.name)}${using};`;
  const shared = { severity: "warning", subject } as const;
  if (column.type.endsWith("without time zone") && column.type.startsWith("timestamp")) {
    return [
      {
        ...shared,
        id: "timestamp-without-time-zone",
        title: `${subject} is a timestamp without time zone`,
        why: "sessions in different zones read different moments from it",
        hint: retype("timestamptz", " AT TIME ZONE 'UTC'"),
      },
    ];
  }
  if (column.type === "json") {
    return [
      {
        ...shared,
        id: "json-not-jsonb",
        title: `${subject} is json, not jsonb`,
        why: "it is parsed again at each read, has no equality and no index",
        hint: retype("jsonb", "::jsonb"),
      },
    ];
  }
  return isEnumeration(column) ? [checkGap(table, column, subject)] : [];
}

/** Text that by its name takes one of a few known words, while nothing says which. */
function isEnumeration({ name, type, isConstrained }: AuditColumn): boolean {
  return !isConstrained && /^(text|character)/.test(type) && /(^|_)(status|state|kind|mode|type)$/i.test(name);
}

function checkGap(table: AuditTable, column: AuditColumn, subject: string): Finding {
  const [quoted, name] = [quoteName(table), quoteIdentifier(column.name)];
  const constraint = quoteIdentifier(`${table.name}_${column.name}_check`);
  return {
    id: "check-gap",
    severity: "warning",
    subject,
    title: `${subject} takes any text`,
    why: "by its name it is one of a few words: a misspelt one would be stored and never matched",
    hint: `SELECT DISTINCT ${name} FROM ${quoted}; then ALTER TABLE ${quoted} ADD CONSTRAINT ${constraint} CHECK (${name} IN (…)) NOT VALID;`,
  };
}

/** Unlogged tables under state that must last. */
export function unloggedFinding(table: AuditTable, losses: readonly string[]): Finding {
  return {
    id: "table-unlogged",
    severity: "error",
    subject: formatName(table),
    title: `table ${formatName(table)} is unlogged`,
    why: `a crash of the server empties it, and no replica or base backup holds it: ${losses.join("; ")}`,
    hint: `ALTER TABLE ${quoteName(table)} SET LOGGED;`,
  };
}

/** Constraints that were never validated, triggers that are switched off. */
export function uncheckedFinding({ table, kind, name }: Unchecked): Finding {
  const [subject, quoted] = [`${formatName(table)}.${name}`, quoteName(table)];
  switch (kind) {
    case "constraint":
      return {
        id: "constraint-not-valid",
        severity: "warning",
        subject,
        title: `constraint ${name} of ${formatName(table)} was never validated`,
        why: "older rows may break it, and the planner cannot rely on it",
        hint: `ALTER TABLE ${quoted} VALIDATE CONSTRAINT ${quoteIdentifier(name)};`,
      };
    case "foreign key":
      return {
        id: "foreign-key-disabled",
        severity: "error",
        subject,
        title: `foreign key ${name} is switched off on ${formatName(table)}`,
        why: "its triggers are disabled: orphans come in, and deleting a parent cascades no more",
        hint: `ALTER TABLE ${quoted} ENABLE TRIGGER ALL; (as superuser), then look for rows without a parent`,
      };
    case "trigger":
      return {
        id: "trigger-disabled",
        severity: "warning",
        subject,
        title: `trigger ${name} of ${formatName(table)} is switched off`,
        why: "what it does on each write is not being done",
        hint: `ALTER TABLE ${quoted} ENABLE TRIGGER ${quoteIdentifier(name)};`,
      };
  }
}
