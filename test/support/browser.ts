import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const executablePath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/snap/bin/chromium",
].find((path) => existsSync(path));

/** Why browser tests cannot run on this machine; undefined when they can. */
export const noBrowser = executablePath ? undefined : "no Chromium on this machine";

/** A browser whose pages reach each other by loopback addresses, and whose camera is a drawn one. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      // Chromium refuses to run as root otherwise.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      // Candidates with addresses: the names that hide them need multicast, which few test machines have.
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      "--disable-dev-shm-usage",
    ],
  });
}

/** One person at a page of their own: its storage is shared with nobody. */
export interface Person {
  readonly page: Page;
  /** What the page could not do: errors of its scripts and of its content policy. */
  readonly problems: readonly string[];
  press(button: string): Promise<void>;
  write(text: string): Promise<void>;
  /** The messages in their order, only those that the server has acknowledged unless told. */
  messages(state?: "sent" | "sending"): Promise<readonly string[]>;
  /** Waits until the page stands like this with the server: `online`, `lost`, `resumed` … */
  isConnection(state: string): Promise<void>;
  /** Waits for the call's state in its first connection or that generation, or a later one: slow ones are given up. */
  isCall(state: string, generation?: number): Promise<void>;
  /** Media bytes that the newest connection of the call has received. */
  bytesReceived(): Promise<number>;
  close(): Promise<void>;
}

/** Opens the page, gives a name, and waits for the lobby. */
export async function enterLobby(browser: Browser, url: string, name: string): Promise<Person> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  const person = describePerson(page, watchProblems(page));
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await person.press("Continue");
  const greeting = page.getByRole("heading", { name: `Hello, ${name}` });
  await greeting.waitFor().catch(async (cause) => {
    const shown = await page.locator("body").innerText();
    throw new Error(`no lobby; the page says: ${shown}\n${person.problems.join("\n")}`, { cause });
  });
  return person;
}

function describePerson(page: Page, problems: readonly string[]): Person {
  const call = page.locator("#call");
  return {
    page,
    problems,
    press: (button) => page.getByRole("button", { name: button, exact: true }).click(),
    async write(text) {
      await page.getByLabel("Message", { exact: true }).fill(text);
      await page.getByRole("button", { name: "Send" }).click();
    },
    messages: (state = "sent") => page.locator(`#messages li[data-state=${state}] span`).allInnerTexts(),
    isConnection: (state) => page.locator(`#connection[data-state=${state}]`).waitFor(),
    isCall: (state, generation = 1) =>
      expect
        .poll(
          async () => [
            await call.getAttribute("data-state"),
            Number(await call.getAttribute("data-generation")) >= generation,
          ],
          { timeout: 120_000 },
        )
        .toEqual([state, true]),
    bytesReceived: async () => Number(await call.getAttribute("data-bytes")),
    close: () => page.context().close(),
  };
}

function watchProblems(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // A server that is away for a moment is what the page is for.
    if (message.type() === "error" && !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET/.test(message.text())) {
      problems.push(message.text());
    }
  });
  return problems;
}
