import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../src/core/package-root.js";
import { openDatabase } from "../../src/db/pool.js";
import { parseTarget } from "../../src/db/target.js";
import { logStatement } from "../../src/store/log-statement.js";
import { mirrorStatement } from "../../src/store/mirror-statement.js";
import { Store } from "../../src/store/store.js";
import { createScratchDatabase } from "../support/postgres.js";

const page = readFileSync(join(packageRoot, "docs/store.md"), "utf8");
const blockOf = (language: string) => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s").exec(page)?.[1] ?? "";

/** The example as a function, with the names that it imports from the package. */
function exampleOf(roomctl: object): (url: string) => Promise<unknown> {
  const code = blockOf("js")
    .replace(/^import (\{[^}]+\}) from "roomctl";$/m, "const $1 = roomctl;")
    .replace("export async function main", "return async function main");
  return new Function("roomctl", code)(roomctl);
}

test("the example of docs/store.md runs as it stands there", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await database.execute(blockOf("sql"));
  const main = exampleOf({ logStatement, mirrorStatement, openDatabase, parseTarget, Store });
  expect(await main(scratch.url)).toBe(1);
  expect(await database.query("SELECT id, state FROM rooms")).toEqual([{ id: "r1", state: { users: ["ava", "ben"] } }]);
  expect(await database.query("SELECT room, body FROM messages")).toEqual([{ room: "r1", body: "hello" }]);
});
