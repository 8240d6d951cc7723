// docs/quick-start.md, as a reader types it, in a browser with two tabs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkout, makeReader, type Reader, type Typed } from "../reader.ts";
import { connected, launch, noBrowser, readRow, row, signIn, titled, unreadRow } from "./stage.ts";

const [install, token, send, post, again] = [
  ...readFileSync(join(checkout, "docs/quick-start.md"), "utf8").matchAll(/^```sh\n(.*?)\n```$/gms),
].map(([, command]) => command!);

let reader: Reader;
let browser: Browser;
beforeAll(async () => {
  if (noBrowser !== null) return;
  reader = makeReader();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await reader?.leave();
});
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

async function kill(server: Typed): Promise<void> {
  process.kill(-server.child.pid!, "SIGKILL");
  await server.ended;
}

test("ends with an inbox in two tabs that agree, after a restart and a reconnect too", async () => {
  expect(install).toBe("npm ci && npm start");
  const server = reader.type("npm start");
  await server.says(/Ctrl-C stops it/);
  const url = reader.url();
  const here = (command: string | undefined) => command!.replaceAll("http://127.0.0.1:7700", url);
  const printed = (await reader.type(token!).ended).text.trim();

  const context = await browser.newContext();
  const [one, other] = [await context.newPage(), await context.newPage()];
  const both = async (look: (page: Page) => Promise<unknown>): Promise<void> => {
    await Promise.all([one, other].map(look));
  };
  await both((page) => page.goto(`${url}/`));
  await both((page) => signIn(page, printed));

  const first = "Your order is on its way";
  expect((await reader.type(send!).ended).text).toContain("stored user:42 at 1");
  await both((page) => unreadRow(page, first).waitFor());
  await both((page) => titled(page, "(1) Carillon"));

  await row(one, first).getByRole("button", { name: "Mark read" }).click();
  await readRow(other, first).waitFor();
  await both((page) => titled(page, "Carillon"));

  const second = "The second one, too";
  expect((await reader.type(here(post)).ended).status).toBe(0);
  await both((page) => unreadRow(page, second).waitFor());

  await kill(server);
  await both((page) => page.locator('#status:not([data-is="live"])').waitFor({ state: "attached" }));
  // On the port that the tabs know.
  await reader.type(`CARILLON_PORT=${new URL(url).port} ${again}`).says(/Ctrl-C stops it/);
  await both(connected);
  await one.reload();
  const third = await context.newPage();
  await third.goto(`${url}/`);
  await signIn(third, printed);
  for (const page of [one, other, third]) {
    await unreadRow(page, second).waitFor();
    await readRow(page, first).waitFor();
    await titled(page, "(1) Carillon");
    expect(await page.locator(".row").count()).toBe(2);
  }
}, 120_000);
