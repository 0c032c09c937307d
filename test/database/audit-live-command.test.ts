import { expect, test } from "vitest";
import { auditDatabase } from "../../src/audit/database.js";
import { audit } from "../../src/commands/audit.js";
import { type AuditAnswer, addLive } from "../../src/commands/audit-live.js";
import type { Settings } from "../../src/commands/command.js";
import { plainStyle } from "../../src/report/style.js";
import { fakeContainer } from "../support/control.js";
import { appOf, createLiveSetting, type LiveSetting } from "../support/live-audit.js";

const setting = <T>(value: T) => ({ value, origin: "default" });
const settings: Settings = {
  stateDirectory: setting("/nowhere"),
  migrationsDirectory: setting("/nowhere"),
  backupRepository: setting("/nowhere"),
  environment: setting("development" as const),
  lockTimeoutMs: setting(1000),
  lockWaitMs: setting(0),
};

/** As `roomctl audit --live` does it. */
async function runAudit({ database, control }: LiveSetting, address = control.address, token?: string) {
  const app = appOf(control);
  const warnings: string[] = [];
  const warn = (line: string) => warnings.push(line);
  // With a token only the warning matters: nothing is asked.
  const signal = token === undefined ? new AbortController().signal : AbortSignal.abort();
  const context = { app, settings, signal, onProgress: () => {}, warn };
  const rows = await auditDatabase(database, app);
  const work = addLive(rows, { address, token }, { database, context, states: undefined });
  const answer: AuditAnswer | undefined = token === undefined ? await work : await work.catch(() => undefined);
  return { answer, warnings };
}

const schema = "CREATE TABLE games (id text PRIMARY KEY, n int)";

test("drift between memory and rows makes an audit fail, and is shown with the command that looks again", async () => {
  const container = fakeContainer("my games", [{ key: "a", row: { id: "a", n: 1 } }], { table: "games" });
  await using part = await createLiveSetting(`${schema}; INSERT INTO games VALUES ('a', 2)`, {
    containers: [container],
  });
  const { answer } = await runAudit(part);
  if (!answer) throw new Error("no answer");
  expect(answer).toMatchObject({
    ok: false,
    live: { server: { instance: "made-up-1" }, containers: [{ driftCount: 1 }] },
  });
  expect(audit.exitCode?.(answer)).toBe(3);
  const lines = audit.render(answer, plainStyle);
  expect(lines).toContain("my games\tgames\t1\t1\t0\tdrift: 1");
  expect(lines).toContain("      - a: n 1 in memory, 2 in the row");
  expect(lines).toContain(`      next: roomctl audit --live ${part.control.address} --state my-games`);
});

test("without drift the answer of the rows stands, and without --live nothing is said of memory", async () => {
  const container = fakeContainer("games", [{ key: "a", row: { id: "a", n: 2 } }], { table: "games" });
  await using part = await createLiveSetting(`${schema}; INSERT INTO games VALUES ('a', 2)`, {
    containers: [container],
  });
  const { answer } = await runAudit(part);
  if (!answer) throw new Error("no answer");
  expect(answer.ok).toBe(true);
  const { live: _live, ...rows } = answer;
  expect(audit.render(rows, plainStyle).join("\n")).not.toContain("memory of");
  expect(audit.parse({ words: [], flags: {} })).toMatchObject({ live: undefined });
});

test("an address that is none is refused before anything is opened", () => {
  expect(() => audit.parse({ words: [], flags: { live: "rooms" } })).toThrow(
    expect.objectContaining({ code: "E_USAGE" }),
  );
});

test("a token on its way in clear text is a warning", async () => {
  await using part = await createLiveSetting(schema);
  expect((await runAudit(part, "http://127.0.0.1:1", "secret")).warnings).toEqual([]);
  expect((await runAudit(part, "http://rooms.invalid:1", "secret")).warnings).toEqual([
    "the control token goes to http://rooms.invalid:1 in clear text; use https, or a unix socket",
  ]);
});
