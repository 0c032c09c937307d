import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { afterAll, expect, test } from "vitest";
import { createSteadyClock } from "../../src/core/clock.js";
import { noFailpoints } from "../../src/core/failpoint.js";
import { assembleServer } from "../../src/server/assemble.js";
import { createMail } from "../../src/server/mail-folder.js";
import { defaultSettings } from "../../src/server/settings.js";

const folder = mkdtempSync(join(tmpdir(), "roomctl-doors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function assemble() {
  return assembleServer({
    settings: { ...defaultSettings, maxConnections: 100 },
    log: pino({ level: "silent" }),
    pid: 1,
    freeze: true,
    mail: createMail(undefined),
    failpoints: noFailpoints,
    clock: createSteadyClock(),
  });
}

test("connections are bounded in number, and who sends slowly holds one only so long", async () => {
  const { http, stopTimers, sockets } = assemble();
  try {
    expect(http.maxConnections).toBe(1200);
    expect(http.headersTimeout).toBeLessThanOrEqual(10_000);
    expect(http.requestTimeout).toBeLessThanOrEqual(30_000);
    expect(http.keepAliveTimeout).toBeGreaterThan(60_000);
    // The same code with shorter patience: half of a header, and then nothing.
    http.headersTimeout = 200;
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const address = http.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const answer = await new Promise<string>((resolve, reject) => {
      let text = "";
      const slow = connect(port, "127.0.0.1", () => slow.write("GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: "));
      slow.on("data", (part) => {
        text += part;
      });
      slow.once("close", () => resolve(text));
      slow.once("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  } finally {
    await sockets.close();
    stopTimers();
    await new Promise((resolve) => http.close(resolve));
  }
});

test("a mail is a file of its own that only its owner reads, and whole as soon as it has its name", async () => {
  const directory = join(folder, "mails");
  await createMail(directory)("ava@example.com\nBcc: eve@example.com", "123456");
  const [name = "", ...others] = readdirSync(directory);
  expect([name, others]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}\.eml$/), []]);
  expect(readFileSync(join(directory, name), "utf8")).toBe(
    "To: ava@example.com Bcc: eve@example.com\nSubject: Your code\n\n123456\n",
  );
  expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
});

test("a mail folder that cannot be is one clear error", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(() => createMail(join(file, "mails"))).toThrow(/--mail-dir cannot be made/);
});
