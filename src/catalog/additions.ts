import { quoteIdentifier } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { commentStatement, readComments } from "./comments.js";
import { onThisDatabase } from "./database.js";
import type { OrderedUnits } from "./order.js";
import { readAddresses } from "./read.js";
import { type ObjectRights, readDefaultRights, readRights, rightsStatements } from "./rights.js";
import type { Dependency } from "./unit.js";

/** What is said of objects once they are made. */
export interface Additions {
  /** Owner, comments and what an object was added to, by the unit that writes it. */
  readonly byUnit: ReadonlyMap<string, readonly string[]>;
  /** Privileges, at the end of each script: until then whoever runs it may use what it made. */
  readonly rights: { readonly beforeRows: readonly string[]; readonly afterRows: readonly string[] };
}

export interface AdditionsInput {
  readonly ordered: OrderedUnits;
  readonly dependencies: readonly Dependency[];
  readonly major: number;
}

export async function readAdditions(
  connection: Connection,
  { ordered, dependencies, major }: AdditionsInput,
): Promise<Additions> {
  const comments = (await readComments(connection)).filter(({ id }) => ordered.find(id) !== undefined);
  const rights = await readRights(connection, major);
  const added = dependencies.filter(({ type, id }) => type === "x" && ordered.find(id) !== undefined);
  const units = [...ordered.preData, ...ordered.postData];
  const owned = units.filter(({ owner }) => owner !== null);
  const ids = [owned, comments, rights, added].flatMap((list) => list.map(({ id }) => id));
  const addresses = await readAddresses(connection, [
    ...new Set([...ids, ...added.map(({ referenced }) => referenced)]),
  ]);
  const addressOf = (id: string) => addresses.get(id) ?? "";

  const byUnit = new Map<string, string[]>();
  const add = (id: string, statement: string) => {
    const unit = ordered.find(id) ?? id;
    byUnit.set(unit, [...(byUnit.get(unit) ?? []), statement]);
  };
  for (const { id, owner } of owned) add(id, `ALTER ${addressOf(id)} OWNER TO ${quoteIdentifier(owner ?? "")}`);
  for (const { id, referenced } of added) add(id, `ALTER ${addressOf(id)} DEPENDS ON ${addressOf(referenced)}`);
  for (const comment of comments) add(comment.id, commentStatement(addressOf(comment.id), comment));
  return { byUnit, rights: await splitRights(connection, { rights, ordered, addressOf }) };
}

interface RightsInput {
  readonly rights: readonly ObjectRights[];
  readonly ordered: OrderedUnits;
  readonly addressOf: (id: string) => string;
}

async function splitRights(connection: Connection, { rights, ordered, addressOf }: RightsInput) {
  const late = new Set(ordered.postData.map(({ id }) => id));
  const isLate = ({ id }: ObjectRights) => late.has(ordered.find(id) ?? "");
  const statements = (list: readonly ObjectRights[]) =>
    list.flatMap((item) => rightsStatements(addressOf(item.id), item));
  const ofDatabase = rights.filter(({ id }) => id.startsWith("pg_database:"));
  const ofObjects = rights.filter(({ id }) => !id.startsWith("pg_database:"));
  return {
    beforeRows: statements(ofObjects.filter((item) => !isLate(item))),
    afterRows: [
      ...statements(ofObjects.filter(isLate)),
      ...(await readDefaultRights(connection)),
      ...ofDatabase.flatMap(databaseRights),
    ],
  };
}

/** The database is called otherwise where it comes back. */
function databaseRights(rights: ObjectRights): readonly string[] {
  const mark = "DATABASE \0";
  return rightsStatements(mark, rights).map((statement) => {
    const [before, after] = statement.split(` ${mark} `);
    return before === undefined || after === undefined ? statement : onThisDatabase(`${before} DATABASE`, after);
  });
}
