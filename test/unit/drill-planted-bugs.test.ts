import { expect, test } from "vitest";
import { loadStatement } from "../../src/db/statement.js";
import { plantedBugs, plantedStatements } from "../../src/server/planted.js";

const statements = [
  "load-rooms",
  "load-activity",
  "load-rate-limits",
  "write-active-rooms",
  "write-users",
  "write-rate-limits",
  "owner",
];
/** These are in what the store believes, not in a statement. */
const elsewhere = ["acknowledge-before-commit", "clean-before-commit"];

test.each(plantedBugs.filter((bug) => !elsewhere.includes(bug)))(
  "the planted bug %s changes what the server sends",
  (bug) => {
    const planted = plantedStatements(bug);
    const changed = statements.filter((name) => planted(`server/${name}`) !== loadStatement(`server/${name}`));
    expect(changed).toHaveLength(1);
  },
);

test("without a planted bug every statement is as it is written", () => {
  const plain = plantedStatements(undefined);
  for (const name of statements) expect(plain(`server/${name}`)).toBe(loadStatement(`server/${name}`));
});
