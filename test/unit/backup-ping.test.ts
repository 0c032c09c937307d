import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { parsePingAddress, sendPing } from "../../src/backup/ping.js";

interface Check extends AsyncDisposable {
  readonly address: string;
  /** `METHOD path body`. */
  readonly heard: string[];
}

/** A service that watches, on a port of its own. It answers as `answer` does, 200 unless told. */
async function startCheck(answer: RequestListener = (_, response) => response.end("OK")): Promise<Check> {
  const heard: string[] = [];
  const server: Server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const login = request.headers.authorization;
    heard.push([request.method, request.url, body, login].filter(Boolean).join(" "));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-uuid`,
    heard,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const address = (text: string) => parsePingAddress(text, "--ping");
const quick = { pauseMs: 1 };
const success = { kind: "end", exitCode: 0, body: "" } as const;
const failure = { kind: "end", exitCode: 11, body: "E_LOCKED: held" } as const;

test("start, success and failure go to their own addresses, a failure with its words", async () => {
  await using check = await startCheck();
  for (const event of [{ kind: "start" } as const, success, failure]) {
    expect(await sendPing(address(check.address), event)).toBeUndefined();
  }
  expect(check.heard).toEqual(["GET /secret-uuid/start", "GET /secret-uuid", "POST /secret-uuid/11 E_LOCKED: held"]);
});

test("parameters, a last slash and a login stay what they are", async () => {
  await using check = await startCheck();
  await sendPing(address(`${check.address.replace("//", "//me:s%3Acret@")}/?a=b`), failure);
  expect(check.heard).toEqual([`POST /secret-uuid/11?a=b E_LOCKED: held Basic ${btoa("me:s:cret")}`]);
});

test("a service in trouble is tried three times, and its answer told without the address", async () => {
  await using check = await startCheck((_, response) => response.writeHead(500).end("secret-uuid is broken"));
  const trouble = await sendPing(address(check.address), success, quick);
  expect(check.heard).toHaveLength(3);
  expect(trouble).toMatch(/^127\.0\.0\.1:\d+ could not be told: it answered 500$/);
});

test("one that recovers is told once", async () => {
  let count = 0;
  await using check = await startCheck((_, response) => {
    count += 1;
    response.writeHead(count < 3 ? 503 : 200).end();
  });
  expect(await sendPing(address(check.address), success, quick)).toBeUndefined();
  expect(check.heard).toHaveLength(3);
});

test("what is refused for good is not asked again", async () => {
  await using check = await startCheck((_, response) => response.writeHead(404).end());
  expect(await sendPing(address(check.address), success, quick)).toMatch(/it answered 404$/);
  expect(check.heard).toHaveLength(1);
});

test("one that takes the request and says nothing is given up after the time for it", async () => {
  await using check = await startCheck(() => {
    // Never answers.
  });
  const startedMs = performance.now();
  const trouble = await sendPing(address(check.address), success, { ...quick, timeoutMs: 1000 });
  expect(trouble).toMatch(/no answer within 1 s$/);
  // Three tries of a second.
  expect(performance.now() - startedMs).toBeLessThan(60_000);
  expect(check.heard).toHaveLength(3);
});

test("an interrupted one ends at once, without another try", async () => {
  const controller = new AbortController();
  // Never answers.
  await using check = await startCheck(() => controller.abort());
  const { signal } = controller;
  // Without the interruption it would go on for as long as the test may take.
  expect(await sendPing(address(check.address), { kind: "start" }, { signal, timeoutMs: 900_000 })).toBeDefined();
  expect(check.heard).toHaveLength(1);
});

test("a port where nobody listens, a host that does not exist: told by the error's code", async () => {
  await using gone = await startCheck();
  const { address: text } = gone;
  await gone[Symbol.asyncDispose]();
  expect(await sendPing(address(text), failure, quick)).toMatch(/^127\.0\.0\.1:\d+ could not be told: ECONNREFUSED$/);
  const trouble = await sendPing(address("http://roomctl.invalid/secret-uuid"), failure, quick);
  expect(trouble).toMatch(/^roomctl\.invalid could not be told: E[A-Z_]+$/);
});

test("one that sends us on to nowhere is told without the address", async () => {
  await using check = await startCheck((_, response) => {
    response.writeHead(302, { location: "http://[/secret-uuid" }).end();
  });
  expect(await sendPing(address(check.address), failure, quick)).not.toContain("secret-uuid");
});

test.each(["secret-uuid", "ftp://host/secret-uuid", "file:///secret-uuid", "http://[secret-uuid", ""])(
  "%j is no address, which is said without it",
  (text) => {
    expect(() => address(text)).toThrow(/--ping is not an address/);
    expect(() => address(text)).not.toThrow(/secret-uuid/);
  },
);
