import type { ColumnDef, RangeVar } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import { addedConstraints } from "./added-constraints.js";
import { stringsIn } from "./names.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlColumn } from "./sql.js";
import { alterCommands, alterTableOf, columnIn, constraintIn, constraintsIn } from "./tree.js";
import { formatTypeName } from "./type-name.js";

/* Types that are regretted later: L27 of the notes. */

const typeJson = typeRule({
  id: "type-json",
  severity: "warning",
  matches: /^json(?:\[\])?$/,
  title: "A column of type json",
  why: [
    "json has no equality: DISTINCT, GROUP BY and UNION over it fail with 42883, it takes no index, and it is parsed anew each time.",
  ],
  safer: "jsonb. Only what must come back character by character, with its spaces and duplicate keys, is text or json.",
  column: "payload json",
  better: ({ name }) => `${name} jsonb`,
});

const typeTimestamp = typeRule({
  id: "type-timestamp",
  severity: "warning",
  matches: /^timestamp(?:\(\d\))? without time zone/,
  title: "A column of type timestamp without time zone",
  why: [
    "It keeps what the clock showed, without saying where: now() is stored in the session's TimeZone, and two sessions with different ones disagree by hours. Ages, expiries and order are then wrong without an error.",
  ],
  safer: "timestamptz, which keeps a moment and takes the same 8 bytes.",
  column: "seen_at timestamp",
  better: ({ name, type }) =>
    `${name} ${type.includes("(") ? `timestamptz${/\(\d\)/.exec(type)?.[0]}` : "timestamptz"}`,
});

const typeChar = typeRule({
  id: "type-char",
  severity: "warning",
  matches: /^character(?:\(\d+\))?(?:\[\])?$/,
  title: "A column of type char(n)",
  why: [
    "Values are filled up with blanks to n characters, which come back, count in LIKE and do not count in =. A value that is too long fails with 22001.",
  ],
  safer: "text, with a CHECK on its length where there is a limit.",
  column: "code char(6)",
  better: ({ name, type }) => `${name} text CHECK (char_length(${name}) = ${/\d+/.exec(type)?.[0] ?? 1})`,
});

const typeVarchar = typeRule({
  id: "type-varchar",
  severity: "info",
  matches: /^character varying\(\d+\)/,
  title: "A column of type varchar(n)",
  why: [
    "It is no smaller or faster than text. A value that is too long fails with 22001, and making n smaller later scans or rewrites the table under an AccessExclusiveLock.",
  ],
  safer: "text with a CHECK on its length: the limit can then be changed with NOT VALID and VALIDATE.",
  column: "nickname varchar(20)",
  better: ({ name, type }) => `${name} text CHECK (char_length(${name}) <= ${/\d+/.exec(type)?.[0]})`,
});

const typeMoney = typeRule({
  id: "type-money",
  severity: "warning",
  matches: /^money/,
  title: "A column of type money",
  why: [
    "Its currency and its digits after the point are those of the server's lc_monetary: the same bytes are another amount on another server.",
  ],
  safer: "numeric, with the currency in a column of its own, or bigint of the smallest unit.",
  column: "price money",
  better: ({ name }) => `${name} numeric(12, 2)`,
});

const typeSerial = typeRule({
  id: "type-serial",
  severity: "info",
  matches: /serial/,
  written: true,
  title: "A column of type serial",
  why: [
    "Its sequence is an object beside the table: it needs rights of its own, and an INSERT that names the column is accepted, so that the sequence gives the same number later: 23505.",
  ],
  safer: "bigint GENERATED ALWAYS AS IDENTITY.",
  column: "number bigserial",
  better: ({ name }) => `${name} bigint GENERATED ALWAYS AS IDENTITY`,
});

const intPrimaryKey: LintRule = {
  id: "int-primary-key",
  topic: "types",
  severity: "warning",
  title: "A primary key of type integer or smallint",
  why: [
    "It ends at 2,147,483,647 (smallint: 32,767), and numbers that were rolled back count too: from then on every INSERT fails with 22003 or 2200H. Making it bigint then rewrites the table and all that refer to it under an AccessExclusiveLock.",
  ],
  safer: "bigint GENERATED ALWAYS AS IDENTITY. In most tables the four bytes more are lost to alignment anyway.",
  example: {
    bad: "CREATE TABLE IF NOT EXISTS messages (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);",
    good: ["CREATE TABLE IF NOT EXISTS messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);"],
  },
  looksAt: ["CreateStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check: (statement, context) => [
    ...columnsIn(statement, context)
      .filter(({ column, type, isPrimary }) => isPrimary && /^(?:integer|smallint)$/.test(type) && counts(column))
      .map(({ column, name, table, type }) => ({
        message: `${column.colname} runs out of numbers as ${type}`,
        ...place(column),
        table,
        saferSql: `${name} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY`,
      })),
    ...addedConstraints(statement, context).flatMap(({ constraint, table, column: beside }): readonly LintHit[] => {
      const keys = stringsIn(constraint.keys);
      if (constraint.contype !== "CONSTR_PRIMARY" || beside !== undefined || keys.length !== 1) return [];
      const column = context.model.table(table)?.columns.find(({ name }) => name === keys[0]);
      if (!column?.hasDefault || !/^(?:integer|smallint)$/.test(column.type)) return [];
      return [{ message: `${column.name} runs out of numbers as ${column.type}`, table }];
    }),
  ],
};

interface TypeRule extends Pick<LintRule, "id" | "severity" | "title" | "why" | "safer"> {
  /** Of the type as `format_type` writes it; as the statement does where `written`. */
  readonly matches: RegExp;
  readonly written?: boolean;
  /** The column of the example. */
  readonly column: string;
  better(column: { readonly name: string; readonly type: string }): string;
}

function typeRule({ matches, written, column: example, better, ...rule }: TypeRule): LintRule {
  const [name = "", ...words] = example.split(" ");
  const shown = { varchar: "character varying", char: "character" };
  const type = words.join(" ").replace(/^(?:varchar|char)\b/, (word) => shown[word === "char" ? "char" : "varchar"]);
  const table = (column: string) => `CREATE TABLE IF NOT EXISTS things (id bigint PRIMARY KEY, ${column});`;
  return {
    ...rule,
    topic: "types",
    example: { bad: table(example), good: [table(better({ name, type }))] },
    looksAt: ["CreateStmt", "AlterTableStmt"],
    exemptsNewTables: false,
    check: (statement, context) =>
      columnsIn(statement, context)
        .filter(({ column, type: found }) => matches.test(written ? writtenType(column) : found))
        .map(
          ({ column, ...of }): LintHit => ({
            message: `${column.colname} is of type ${written ? writtenType(column) : of.type}`,
            ...place(column),
            table: of.table,
            ...(written && of.isPrimary ? { saferSql: `${better(of)} PRIMARY KEY` } : { saferSql: better(of) }),
          }),
        ),
  };
}

interface DefinedColumn {
  readonly column: ColumnDef;
  /** As SQL. */
  readonly name: string;
  readonly type: string;
  readonly table: QualifiedName;
  readonly isPrimary: boolean;
}

/** The columns that CREATE TABLE, ADD COLUMN and ALTER COLUMN TYPE define; none of temporary tables. */
function columnsIn(statement: LintStatement, context: LintContext): readonly DefinedColumn[] {
  const { node } = statement;
  if ("CreateStmt" in node) {
    const { relation, tableElts = [] } = node.CreateStmt;
    const keys = tableElts.flatMap((element) => {
      const constraint = constraintIn(element);
      return constraint?.contype === "CONSTR_PRIMARY" ? stringsIn(constraint.keys) : [];
    });
    return tableElts.flatMap((element) => defined(columnIn(element), relation, { context, keys }));
  }
  const { relation } = alterTableOf(statement) ?? {};
  return alterCommands(statement).flatMap(({ subtype, name, def }) => {
    const column = columnIn(def);
    if (column === undefined || !(subtype === "AT_AddColumn" || subtype === "AT_AlterColumnType")) return [];
    return defined({ ...column, colname: column.colname ?? name ?? "" }, relation, { context, keys: [] });
  });
}

function defined(
  column: ColumnDef | undefined,
  relation: RangeVar | undefined,
  { context, keys }: { readonly context: LintContext; readonly keys: readonly string[] },
): readonly DefinedColumn[] {
  if (column === undefined || relation === undefined || relation.relpersistence === "t") return [];
  const name = column.colname ?? "";
  const own = constraintsIn(column.constraints).some(({ contype }) => contype === "CONSTR_PRIMARY");
  const isPrimary = own || (keys.length === 1 && keys[0] === name);
  const table = context.model.resolve(relation);
  return [{ column, name: sqlColumn(name), type: formatTypeName(column.typeName), table, isPrimary }];
}

function writtenType({ typeName }: ColumnDef): string {
  return stringsIn(typeName?.names).at(-1) ?? "";
}

/** A key that takes its numbers from a sequence; one that refers to another table has that one's type. */
function counts(column: ColumnDef): boolean {
  const constraints = constraintsIn(column.constraints);
  return !constraints.some(({ contype }) => contype === "CONSTR_FOREIGN");
}

function place({ location }: ColumnDef): Pick<LintHit, "location"> {
  return location === undefined ? {} : { location };
}

export const typeRules: readonly LintRule[] = [
  typeJson,
  typeTimestamp,
  typeChar,
  typeVarchar,
  typeMoney,
  typeSerial,
  intPrimaryKey,
];
