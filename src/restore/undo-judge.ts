import { isSameName, quoteIdentifier, quoteLiteral, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { StagedTable } from "./undo-stage.js";
import { type ParentFacts, sameKey, type UniqueFacts } from "./undo-tables.js";

/**
 * What becomes of a saved row. `restore`: its key is free, and it is inserted. `change`: it is there, its columns hold what
 * the wipe left, and get their old values. `present`: it is there and equal. The others are conflicts, and stay out.
 */
type Verdict = "restore" | "change" | "present" | ConflictKind;

/**
 * `key`: a row of this key has other values. `unique`: another row has what a unique index allows once. `parent`: the row
 * that it refers to is gone. `gone`: the row whose column was changed is no longer there. `changed`: its column holds
 * something else by now. `no key`: nothing tells its rows apart.
 */
export type ConflictKind = "key" | "unique" | "parent" | "gone" | "changed" | "no key";

export interface JudgeOptions {
  readonly kind: "tables" | "rows";
  /** Tables that an earlier undo of this wipe put rows into, by `quoteName`: without a key, these would come twice. */
  readonly restoredBefore: ReadonlySet<string>;
  /** Tables that are not staged, since they are empty and get all of their rows. */
  readonly loaded: readonly StagedTable["entry"][];
}

/** Gives every staged row its verdict. On a session with the role's own search path: values of resets may depend on it. */
export async function judgeRows(
  connection: Connection,
  tables: readonly StagedTable[],
  options: JudgeOptions,
): Promise<void> {
  for (const table of tables) {
    await (table.key ? judgeByKey(connection, table, table.key) : judgeWithoutKey(connection, table, options));
    if (!table.isDeleted) await settle(connection, table, "gone");
    for (const unique of table.unique) {
      if (unique !== table.key) await judgeUnique(connection, table, unique);
    }
  }
  // A row that stays out takes along those that refer to it, and so on.
  for (let found = 1; found > 0; ) {
    found = 0;
    for (const table of tables) {
      for (const parent of table.parents) found += await judgeParent(connection, table, parent, { tables, options });
    }
  }
  for (const table of tables) await settle(connection, table, "restore");
}

async function judgeByKey(connection: Connection, table: StagedTable, key: UniqueFacts): Promise<void> {
  const { stage, verdict, detail, groups, isDeleted, entry } = table;
  const columns = groups.flatMap((group) => group.columns);
  const flags = columns.map(({ name, left }, index) => {
    return `, ${quoteIdentifier(name)} IS NOT DISTINCT FROM (${left}) AS ${flag(table, index)}`;
  });
  const isBack = columns.map(({ name }) => isEqual([name]));
  const isPutBack = groups.map((group) => {
    const names = group.columns.map(({ name }) => name);
    const isLeft = group.columns.map((column) => `t.${flag(table, columns.indexOf(column))}`);
    return `(${isEqual(names)} OR ${isLeft.join(" AND ")})`;
  });
  const others = entry.columns.map(({ name }) => name).filter((name) => !columns.some((one) => one.name === name));
  // In a table that lost rows as well, a row of other values may be a new one under an old key.
  const isOurs = isDeleted ? isEqual(others) : "true";
  const cases = [
    `WHEN ${isEqual(entry.columns.map(({ name }) => name))} THEN 'present'`,
    ...(groups.length > 0 && !isDeleted ? [`WHEN ${isBack.join(" AND ")} THEN 'present'`] : []),
    ...(groups.length > 0 ? [`WHEN ${isOurs} AND ${isPutBack.join(" AND ")} THEN 'change'`] : []),
    `ELSE '${groups.length > 0 && !isDeleted ? "changed" : "key"}'`,
  ];
  const about = isDeleted ? key.name : columns.map(({ name }) => name).join(", ");
  await connection.execute(
    `UPDATE ${stage} AS s SET ${verdict} = CASE ${cases.join(" ")} END, ${detail} = ${quoteLiteral(about)}
       FROM (SELECT *${flags.join("")} FROM ONLY ${quoteName(entry)}) AS t WHERE ${sameKey(key, "s", "t")}`,
  );
}

function flag({ verdict }: StagedTable, index: number): string {
  return `${verdict.slice(0, -1)}_${index}"`;
}

/** The bytes of two rows, as `IS NOT DISTINCT FROM` cannot compare every type (json), and finds 1.0 and 1.00 equal. */
function isEqual(columns: readonly string[]): string {
  const row = (alias: string) =>
    `ROW(${columns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(", ")})::record`;
  return `${row("s")} OPERATOR(pg_catalog.*=) ${row("t")}`;
}

async function judgeWithoutKey(connection: Connection, table: StagedTable, options: JudgeOptions): Promise<void> {
  if (!table.isDeleted || table.groups.length > 0) return settle(connection, table, "no key");
  if (options.restoredBefore.has(quoteName(table.entry))) return settle(connection, table, "present");
  // What a wipe of some rows left is not what it took; in a table that it emptied, rows may be the same ones.
  if (options.kind === "rows") return;
  const [row] = await connection.query<{ filled: boolean }>(
    `SELECT EXISTS (SELECT FROM ONLY ${quoteName(table.entry)}) AS filled`,
  );
  if (row?.filled) await settle(connection, table, "no key");
}

async function judgeUnique(connection: Connection, table: StagedTable, unique: UniqueFacts): Promise<void> {
  const { stage, verdict, detail, key, entry } = table;
  const condition = unique.predicate === null ? "true" : `(${unique.predicate})`;
  const keys = (key?.parts ?? []).map(({ expression }, index) => `${expression} AS same_${index}`);
  const parts = unique.parts.map(({ expression }, index) => `${expression} AS part_${index}`);
  const select = (more: readonly string[]) => [...more, ...keys, ...parts].join(", ");
  const isTaken = unique.parts.map(({ operator }, index) => {
    const [one, other] = [`c.part_${index}`, `t.part_${index}`];
    const both = `${one} ${operator} ${other}`;
    return unique.isNullEqual ? `(${both} OR (${one} IS NULL AND ${other} IS NULL))` : both;
  });
  const isSame = (key?.parts ?? []).map(({ operator }, index) => `c.same_${index} ${operator} t.same_${index}`);
  const isOther = isSame.length > 0 ? ` AND NOT (${isSame.join(" AND ")})` : "";
  await connection.execute(
    `UPDATE ${stage} AS s SET ${verdict} = 'unique', ${detail} = ${quoteLiteral(unique.name)}
       FROM (SELECT ${select(["ctid AS place"])} FROM ${stage} WHERE ${isUndecided(table, unique.columns)} AND ${condition}) AS c
       JOIN (SELECT ${select([])} FROM ONLY ${quoteName(entry)} WHERE ${condition}) AS t ON ${isTaken.join(" AND ")}${isOther}
      WHERE s.ctid = c.place`,
  );
}

/** Rows that are still to come, and those whose change touches one of these columns. */
function isUndecided({ verdict, groups }: StagedTable, columns: readonly string[], alias = ""): string {
  const isTouched = groups.some((group) => group.columns.some(({ name }) => columns.includes(name)));
  const name = `${alias}${verdict}`;
  return isTouched ? `(${name} IS NULL OR ${name} = 'change')` : `${name} IS NULL`;
}

interface Staged {
  readonly tables: readonly StagedTable[];
  readonly options: JudgeOptions;
}

async function judgeParent(
  connection: Connection,
  table: StagedTable,
  { name, parent, isParentPartitioned, parts }: ParentFacts,
  { tables, options }: Staged,
): Promise<number> {
  const holds = (entry: StagedTable["entry"]) =>
    isSameName(entry, parent) || (isParentPartitioned && entry.ancestors.some((one) => isSameName(one, parent)));
  // All of its rows come: the foreign key itself will say when one is missing.
  if (options.loaded.some(holds)) return 0;
  const own = parts.map(({ column }) => `s.${quoteIdentifier(column)}`);
  const isIn = parts
    .map(({ parentColumn, operator }, index) => `p.${quoteIdentifier(parentColumn)} ${operator} ${own[index]}`)
    .join(" AND ");
  const coming = tables.filter((one) => one.isDeleted && holds(one.entry));
  const sources = [
    `FROM ${isParentPartitioned ? "" : "ONLY "}${quoteName(parent)} AS p WHERE ${isIn}`,
    ...coming.map((one) => `FROM ${one.stage} AS p WHERE p.${one.verdict} IS NULL AND ${isIn}`),
  ];
  const columns = parts.map(({ column }) => column);
  return connection.execute(
    `UPDATE ${table.stage} AS s SET ${table.verdict} = 'parent', ${table.detail} = ${quoteLiteral(name)}
      WHERE ${isUndecided(table, columns, "s.")} AND ${own.map((column) => `${column} IS NOT NULL`).join(" AND ")}
        AND ${sources.map((source) => `NOT EXISTS (SELECT ${source})`).join(" AND ")}`,
  );
}

async function settle(connection: Connection, { stage, verdict }: StagedTable, as: Verdict): Promise<void> {
  await connection.execute(`UPDATE ${stage} SET ${verdict} = ${quoteLiteral(as)} WHERE ${verdict} IS NULL`);
}
