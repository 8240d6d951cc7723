/** A real server and a real browser: Chromium, from CHROMIUM or the usual place. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
  type WebSocketRoute,
} from "playwright-core";
import { type Server, serve } from "../black-box/process.ts";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** A reason to skip, or null. */
export const noBrowser = existsSync(executablePath)
  ? null
  : `there is no Chromium at ${executablePath}; CHROMIUM says where one is`;

export interface Stage {
  readonly server: Server;
  readonly browser: Browser;
  /** A window of its own, with a tab at the page; `errors` is what the browser complained of. */
  open(options?: BrowserContextOptions): Promise<Tab>;
  token(user: string, ttl?: string): Promise<string>;
  send(to: string, data: unknown, more?: object): Promise<void>;
  ask(method: "PUT" | "POST" | "DELETE", path: string, body?: object, credential?: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Tab {
  readonly page: Page;
  readonly errors: string[];
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const launch = (): Promise<Browser> => chromium.launch({ executablePath, args: flags });

export async function openStage(options: readonly string[] = []): Promise<Stage> {
  const server = await serve(["--drain-window", "1s", ...options]);
  const browser = await launch();

  const ask: Stage["ask"] = async (method, path, body, credential = server.key) => {
    const headers = { authorization: `Bearer ${credential}`, "content-type": "application/json" };
    const asked = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${server.url}${path}`, asked);
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };

  return {
    server,
    browser,
    ask,
    async open(wanted = {}) {
      const context = await browser.newContext(wanted);
      context.setDefaultTimeout(20_000);
      const page = await context.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(String(error)));
      page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) errors.push(message.text());
      });
      await page.goto(server.url);
      return { page, errors };
    },
    async token(user, ttl = "1h") {
      const { token } = (await ask("POST", `/v1/users/${user}/tokens`, { ttl })) as { token: string };
      return token;
    },
    async send(to, data, more = {}) {
      const one = { to, source: "/shop", id: randomUUID(), type: "order.shipped", data, ...more };
      await ask("POST", "/v1/notifications", one);
    },
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await connected(page);
}

export const connected = (page: Page): Promise<void> =>
  page.locator('#status[data-is="live"]').waitFor({ state: "attached" });

/**
 * Loads the page anew, with live connections that can be cut and stay so until they are mended: a browser that is told to
 * be offline still opens WebSockets to loopback.
 */
export async function makeCuttable(page: Page): Promise<{ cut(): Promise<void>; mend(): void }> {
  const open = new Set<WebSocketRoute>();
  let isCut = false;
  await page.routeWebSocket(/\/v1\/live/, (socket) => {
    if (isCut) return void socket.close({ code: 1_011 });
    const server = socket.connectToServer();
    open.add(socket).add(server);
  });
  await page.reload();
  return {
    async cut() {
      isCut = true;
      await Promise.all([...open].map((socket) => socket.close({ code: 1_011 })));
      open.clear();
      await page.locator('#status:not([data-is="live"])').waitFor({ state: "attached" });
    },
    mend() {
      isCut = false;
    },
  };
}

export const row = (page: Page, title: string): Locator =>
  page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

export const unreadRow = (page: Page, title: string): Locator =>
  row(page, title).and(page.locator(".unread"));
export const readRow = (page: Page, title: string): Locator =>
  row(page, title).and(page.locator(":not(.unread)"));

interface InThePage {
  readonly document: { readonly title: string };
}

/** Resolves once the page's title is this. A function, since the page's policy evaluates no text. */
export async function titled(page: Page, title: string): Promise<void> {
  const isTitled = (wanted: string) => (globalThis as unknown as InThePage).document.title === wanted;
  await page.waitForFunction(isTitled, title);
}
