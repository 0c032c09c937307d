import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { destroyEmbedded, startEmbedded, stopEmbedded } from "../../src/db/embedded.js";
import { enterLobby, launchBrowser, noBrowser, type Person } from "../support/browser.js";
import { runRoomctl } from "../support/cli.js";
import { createRoomDatabase } from "../support/recovery.js";
import { startServe } from "../support/serve.js";

let browser: Browser | undefined;

beforeAll(async () => {
  if (noBrowser === undefined) browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** A call waits this long for pages that come back, however slow the machine is. */
const patient = ["--grace", "10m"];

/** Two people in the lobby of the page. */
async function enterTwo(url: string): Promise<readonly [Person, Person]> {
  if (browser === undefined) throw new Error("the browser was not launched");
  return [await enterLobby(browser, url, "Ava"), await enterLobby(browser, url, "Ben")];
}

/** They find each other in the queue, and their call stands. */
async function meet([ava, ben]: readonly [Person, Person]): Promise<void> {
  await ava.press("Video call");
  await ava.page.getByText("Looking for someone").waitFor();
  await ben.press("Video call");
  await Promise.all([ava.isCall("connected"), ben.isCall("connected")]);
}

async function isMediaFlowing(person: Person): Promise<void> {
  const before = await person.bytesReceived();
  await expect.poll(() => person.bytesReceived()).toBeGreaterThan(before);
}

test("a call and its messages survive a server that is killed and started again", async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  await using scratch = await createRoomDatabase();
  await using first = await startServe({ databaseUrl: scratch.url, words: patient });
  expect(first.listening.epoch).not.toBeNull();
  const [ava, ben] = await enterTwo(first.url);
  await meet([ava, ben]);
  await Promise.all([isMediaFlowing(ava), isMediaFlowing(ben)]);
  const roomId = await ava.page.locator("#room").getAttribute("data-room-id");

  await ava.write("one");
  await expect.poll(() => ben.messages()).toEqual(["one"]);
  await ben.write("<b>two</b>");
  await expect.poll(() => ava.messages()).toEqual(["one", "<b>two</b>"]);

  await first.kill("SIGKILL");
  const killedMs = performance.now();
  await Promise.all([ava.isConnection("lost"), ben.isConnection("lost")]);
  await ava.write("three, while the server is away");
  expect(await ava.messages("sending")).toEqual(["three, while the server is away"]);
  await ava.isCall("connected");

  await using second = await startServe({ databaseUrl: scratch.url, port: first.listening.port, words: patient });
  const listeningMs = performance.now();
  await Promise.all([ava.isConnection("resumed"), ben.isConnection("resumed")]);
  const backMs = performance.now();
  await Promise.all([ava.isCall("connected", 2), ben.isCall("connected", 2)]);
  const calledMs = performance.now();
  process.stdout.write(
    `back in the room ${since(killedMs, backMs)} after the kill, ${since(listeningMs, backMs)} after the server listened; ` +
      `call connected again ${since(backMs, calledMs)} later\n`,
  );

  const all = ["one", "<b>two</b>", "three, while the server is away"];
  for (const person of [ava, ben]) {
    await expect.poll(() => person.messages()).toEqual(all);
    expect(await person.messages("sending")).toEqual([]);
    expect(await person.page.locator("#room").getAttribute("data-room-id")).toBe(roomId);
    await isMediaFlowing(person);
    expect(person.problems).toEqual([]);
    await person.close();
  }
  expect(second.listening.epoch).not.toBe(first.listening.epoch);
});

function since(startedMs: number, endedMs: number): string {
  return `${((endedMs - startedMs) / 1000).toFixed(2)} s`;
}

test("without its database a call goes on and messages wait, even when the server is killed meanwhile", async ({
  skip,
}) => {
  skip(noBrowser !== undefined, noBrowser);
  await using database = await startOwnDatabase();
  await using first = await startServe({ databaseUrl: database.url, words: patient });
  const [ava, ben] = await enterTwo(first.url);
  await meet([ava, ben]);
  await ava.write("one");
  await expect.poll(() => ben.messages()).toEqual(["one"]);

  await database.stop();
  await ava.write("two, to no database");
  expect(await ava.messages("sending")).toEqual(["two, to no database"]);
  await Promise.all([isMediaFlowing(ava), isMediaFlowing(ben)]);
  await ava.isConnection("online");

  await first.kill("SIGKILL");
  await using second = await startServe({ databaseUrl: database.url, port: first.listening.port, words: patient });
  expect(second.listening.epoch).toBeNull();
  await Promise.all([ava.isConnection("lost"), ben.isConnection("lost")]);
  await ben.write("three, to a server that knows nobody");

  await database.start();
  await Promise.all([ava.isConnection("resumed"), ben.isConnection("resumed")]);
  await Promise.all([ava.isCall("connected", 2), ben.isCall("connected", 2)]);
  for (const person of [ava, ben]) {
    await expect.poll(async () => (await person.messages()).length).toBe(3);
    const [earliest, ...later] = await person.messages();
    expect(earliest).toBe("one");
    expect(later.sort()).toEqual(["three, to a server that knows nobody", "two, to no database"]);
    expect(await person.messages("sending")).toEqual([]);
    expect(person.problems).toEqual([]);
    await person.close();
  }
});

test("what was written while nobody could hear it waits until its writer is back in the room", async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  await using scratch = await createRoomDatabase();
  await using first = await startServe({ databaseUrl: scratch.url, words: patient });
  const [ava, ben] = await enterTwo(first.url);
  // Longer on its way than the page waits between two tries of a message.
  await ava.page.routeWebSocket(/socket\.io/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((frame) => {
      if (String(frame).includes('"room:rejoin"')) setTimeout(() => server.send(frame), 3000);
      else server.send(frame);
    });
  });
  // Only what a page opens after it was loaded goes that way.
  await ava.page.reload();
  await ava.page.getByRole("heading", { name: "Hello, Ava" }).waitFor();
  await meet([ava, ben]);
  await first.kill("SIGKILL");
  await ava.isConnection("lost");
  await ava.write("are you there?");
  await using _second = await startServe({ databaseUrl: scratch.url, port: first.listening.port, words: patient });
  await Promise.all([ava.isConnection("resumed"), ben.isConnection("resumed")]);
  for (const person of [ava, ben]) {
    await expect.poll(() => person.messages()).toEqual(["are you there?"]);
    expect(person.problems).toEqual([]);
    await person.close();
  }
});

/** A server of the test's own, with the app's tables: one that can be stopped. */
async function startOwnDatabase() {
  const folder = mkdtempSync(join(tmpdir(), "roomctl-browser-"));
  const options = { directory: join(folder, "server"), settings: { fsync: "off" } };
  const { target } = await startEmbedded(options);
  const url = `postgresql://${target.user}:${target.password}@${target.host}:${target.port}/${target.database}?sslmode=disable`;
  const { status, stderr } = await runRoomctl(["migrate"], { databaseUrl: url });
  if (status !== 0) throw new Error(stderr);
  return {
    url,
    start: () => startEmbedded(options),
    stop: () => stopEmbedded(options),
    async [Symbol.asyncDispose]() {
      await destroyEmbedded(options);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

test("who closes the page is waited for, and then the call is over", async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  await using scratch = await createRoomDatabase();
  await using server = await startServe({ databaseUrl: scratch.url, words: ["--grace", "15s"] });
  const [ava, ben] = await enterTwo(server.url);
  await meet([ava, ben]);
  await ben.close();
  await ava.page.getByText("Ben is away. The call ends in").waitFor();
  await expect.poll(() => ava.page.locator("#away-seconds").innerText()).toMatch(/^\d+ s$/);
  await ava.page.getByText("Ben did not come back in time.").waitFor();
  await ava.press("Meet someone else");
  await ava.page.getByRole("heading", { name: "Hello, Ava" }).waitFor();
  expect(ava.problems).toEqual([]);
  await ava.close();
});

test("whoever opens a person's link can call them, and a page that is loaded anew finds its call again", async ({
  skip,
}) => {
  skip(noBrowser !== undefined, noBrowser);
  await using scratch = await createRoomDatabase();
  await using server = await startServe({ databaseUrl: scratch.url, words: patient });
  if (browser === undefined) throw new Error("the browser was not launched");
  const ava = await enterLobby(browser, server.url, "Ava");
  const ben = await enterLobby(browser, await ava.page.getByLabel("Your link").inputValue(), "Ben");
  await ben.press("Video call");
  await ava.page.getByRole("dialog", { name: "Ben invites you to a video call" }).waitFor();
  await ava.press("Accept");
  await Promise.all([ava.isCall("connected"), ben.isCall("connected")]);
  await ben.write("hello");
  await expect.poll(() => ava.messages()).toEqual(["hello"]);

  await ava.page.reload();
  await Promise.all([ava.isCall("connected", 1), ben.isCall("connected", 2)]);
  await expect.poll(() => ava.messages()).toEqual(["hello"]);
  await isMediaFlowing(ben);

  await ava.press("Leave");
  await ben.page.getByText("Ava has left.").waitFor();
  for (const person of [ava, ben]) {
    expect(person.problems).toEqual([]);
    await person.close();
  }
});

test("calls use the servers that the operator has named, with credentials of the person", async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  const secret = "only for the server";
  await using server = await startServe({
    // Nobody listens there: the two find each other without.
    words: ["--memory-only", "--ice-server", "stun:127.0.0.1:9", "--ice-server", "turn:127.0.0.1:9"],
    environment: { ROOMCTL_TURN_SECRET: secret },
  });
  const two = await enterTwo(server.url);
  for (const { page } of two) await page.evaluate(noteIceServers);
  await meet(two);
  const users = new Set<string>();
  for (const person of two) {
    const [stun, turn] = JSON.parse((await person.page.locator("body").getAttribute("data-ice-servers")) ?? "[]");
    expect(stun).toEqual({ urls: ["stun:127.0.0.1:9"] });
    expect(turn).toMatchObject({ urls: ["turn:127.0.0.1:9"], username: expect.stringMatching(/^\d+:[0-9a-f-]{36}$/) });
    expect(turn.credential).toBe(createHmac("sha1", secret).update(turn.username).digest("base64"));
    users.add(turn.username.split(":")[1]);
    expect(person.problems).toEqual([]);
    await person.close();
  }
  expect(users.size).toBe(2);
  expect(server.output()).not.toContain(secret);
});

/** Runs in the page: keeps what each connection is made with where a test can read it. */
const noteIceServers = `
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      document.body.dataset.iceServers = JSON.stringify(configuration.iceServers);
    }
  };
`;

test("a text chat in which nobody writes is warned, and then over", async ({ skip }) => {
  skip(noBrowser !== undefined, noBrowser);
  await using server = await startServe({ words: ["--memory-only", "--torch", "1s", "--torch-warning", "15s"] });
  const two = await enterTwo(server.url);
  for (const person of two) await person.press("Text chat");
  await Promise.all(two.map(({ page }) => page.getByText("Are you still there?").waitFor()));
  for (const person of two) {
    await person.page.getByText("Nobody wrote anything for a while.").waitFor();
    expect(person.problems).toEqual([]);
    await person.close();
  }
});
