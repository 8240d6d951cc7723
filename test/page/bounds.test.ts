// What may grow on the page has a bound, and what the server refuses or leaves out is said.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noBrowser, openStage, row, type Stage, signIn, titled, unreadRow } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  if (noBrowser === null)
    stage = await openStage(["--replay-rows", "600", "--user-requests-per-second", "3"]);
});
afterAll(() => stage?.close());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

test("the list has 500 at most and says so, and the frames too", async () => {
  const { page } = await stage.open();
  const items = Array.from({ length: 700 }, (_, at) => ({
    to: "user:many",
    source: "/shop",
    id: `n-${at}`,
    type: "t",
    data: { title: `Number ${at}` },
  }));
  await stage.ask("POST", "/v1/notifications", items as object);
  await signIn(page, await stage.token("many"));
  await stage.send("user:many", { title: "The newest" });
  await row(page, "The newest").waitFor();
  await titled(page, "(701) Carillon");
  await page.locator("#frames summary").click();
  expect(await page.locator(".row").count()).toBeLessThanOrEqual(500);
  expect(await page.locator("#frames-list li").count()).toBeLessThanOrEqual(500);
  await page.context().close();
});

test("a mark that the server refuses is taken back, and why is said", async () => {
  const { page } = await stage.open();
  for (let at = 0; at < 12; at++) await stage.send("user:fast", { title: `Number ${at}` });
  await signIn(page, await stage.token("fast"));
  await unreadRow(page, "Number 11").waitFor();
  await page.evaluate(
    "for (const button of document.querySelectorAll('#list [data-does=read]')) button.click()",
  );
  await page
    .getByText(/^Not done: .*\(rate-limited\)\.$/)
    .first()
    .waitFor();
  await page.locator(".row.waiting").first().waitFor({ state: "detached" });
  expect(await page.locator(".row.unread").count()).toBeGreaterThan(0);
  const unread = /^\((\d+)\)/.exec(await page.title());
  expect(await page.locator(".row.unread").count()).toBe(Number(unread?.[1]));
  await page.context().close();
});
