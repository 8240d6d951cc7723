// The list as the server keeps it: loaded page by page, with what was marked elsewhere, and live from there.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  connected,
  makeCuttable,
  noBrowser,
  openStage,
  readRow,
  row,
  type Stage,
  signIn,
  titled,
  unreadRow,
} from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  if (noBrowser !== null) return;
  stage = await openStage(["--replay-rows", "5"]);
});
afterAll(() => stage?.close());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

const sendMany = (user: string, from: number, to: number) =>
  stage.ask(
    "POST",
    "/v1/notifications",
    Array.from({ length: to - from + 1 }, (_, at) => ({
      to: `user:${user}`,
      source: "/shop",
      id: randomUUID(),
      type: "t",
      data: { title: `Number ${from + at}` },
    })),
  );

test("a reload shows what is read as read, and nothing of what was archived or taken back", async () => {
  const { page } = await stage.open();
  await sendMany("reload", 1, 3);
  await stage.send("user:reload", { title: "Taken back" }, { id: "back" });
  await signIn(page, await stage.token("reload"));
  await row(page, "Number 1").getByRole("button", { name: "Mark read" }).click();
  await row(page, "Number 2").getByRole("button", { name: "Archive" }).click();
  await titled(page, "(2) Carillon");
  await stage.ask("DELETE", "/v1/notifications/back?source=/shop&to=user:reload");
  await page.reload();
  await unreadRow(page, "Number 3").waitFor();
  await readRow(page, "Number 1").waitFor();
  expect(await page.locator(".title").allTextContents()).toEqual(["Number 3", "Number 1"]);
  await titled(page, "(1) Carillon");
  await page.context().close();
});

test("older ones are shown page by page, each once, and nothing is offered behind the last", async () => {
  const { page } = await stage.open();
  await sendMany("older", 1, 120);
  await signIn(page, await stage.token("older"));
  await row(page, "Number 120").waitFor();
  expect(await page.locator(".row").count()).toBe(50);
  const older = page.getByRole("button", { name: "Show older" });
  await older.click();
  await row(page, "Number 21").waitFor();
  await older.click();
  await row(page, "Number 1").waitFor();
  await older.waitFor({ state: "hidden" });
  const expected = Array.from({ length: 120 }, (_, at) => `Number ${120 - at}`);
  expect(await page.locator(".title").allTextContents()).toEqual(expected);
  await page.context().close();
});

test("the list is cut at 500, and says so", async () => {
  const { page } = await stage.open();
  await sendMany("cut", 1, 520);
  await signIn(page, await stage.token("cut"));
  await row(page, "Number 520").waitFor();
  for (let shown = 50; shown < 500; shown += 50) {
    await page.getByRole("button", { name: "Show older" }).click();
    await row(page, `Number ${520 - shown - 1}`).waitFor();
  }
  await stage.send("user:cut", { title: "One more" });
  await row(page, "One more").waitFor();
  await page.getByText("This list has the newest 500.").waitFor();
  expect(await page.locator(".row").count()).toBe(500);
  await page.context().close();
});

test("what was marked elsewhere while the page was cut off is marked when it is back", async () => {
  const { page } = await stage.open();
  const line = await makeCuttable(page);
  const token = await stage.token("elsewhere");
  await sendMany("elsewhere", 1, 2);
  await signIn(page, token);
  await unreadRow(page, "Number 1").waitFor();
  await line.cut();
  await stage.ask("POST", "/v1/read", { stream: "user:elsewhere", seqs: [1] }, token);
  line.mend();
  await connected(page);
  await readRow(page, "Number 1").waitFor();
  await unreadRow(page, "Number 2").waitFor();
  await titled(page, "(1) Carillon");
  await page.context().close();
});

test("what was skipped is said, and loaded when that is asked for", async () => {
  const { page } = await stage.open();
  const line = await makeCuttable(page);
  await sendMany("gap", 1, 2);
  await signIn(page, await stage.token("gap"));
  await row(page, "Number 2").waitFor();
  await line.cut();
  await sendMany("gap", 3, 20);
  line.mend();
  await row(page, "Number 20").waitFor();
  await page.getByText("Of your own notifications, numbers 3 to 15 were skipped").waitFor();
  await titled(page, "(20) Carillon");
  expect(await page.locator(".row").count()).toBe(7);
  await page.getByRole("button", { name: "Load the newest pages" }).click();
  await row(page, "Number 3").waitFor();
  expect(await page.locator(".row").count()).toBe(20);
  await page.getByText("were skipped").waitFor({ state: "detached" });
  await page.context().close();
});
