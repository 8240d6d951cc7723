// The page for everybody: with keys alone, with a screen reader, on a phone, by day and by night; and nothing refused by
// its own policy.
import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { noBrowser, openStage, readRow, row, type Stage, signIn, unreadRow } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  if (noBrowser !== null) return;
  stage = await openStage();
  await stage.ask("PUT", "/v1/topics/builds", { subscribe: "open" });
});
afterAll(() => stage?.close());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

/** What axe finds, a line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results = (await page.evaluate("axe.run()")) as AxeResults;
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

let users = 0;
async function fill(page: Page): Promise<string> {
  const user = `everybody-${++users}`;
  const token = await stage.token(user);
  await stage.ask("PUT", "/v1/subscriptions/builds", undefined, token);
  for (const title of ["First", "Second", "Third"])
    await stage.send(`user:${user}`, { title, body: "and its body", url: "https://shop.example/o/17" });
  await signIn(page, token);
  await row(page, "Third").waitFor();
  await page.getByRole("button", { name: "Unfollow builds" }).waitFor();
  return user;
}

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test("axe finds nothing, and the policy refuses nothing", async () => {
    const { page, errors } = await stage.open({ colorScheme, reducedMotion: "reduce" });
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "Paste a token" }).waitFor();
    expect(await violations(page)).toEqual([]);

    await fill(page);
    await page.locator("#frames summary").click();
    await page.locator("#frames-list li").first().waitFor();
    await row(page, "Second").getByRole("button", { name: "Mark read" }).click();
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await readRow(page, "Second").waitFor();
    await page.getByLabel("Follow a topic").fill("nowhere");
    await page.getByLabel("Follow a topic").press("Enter");
    await page.getByRole("alert").filter({ hasText: "No such topic" }).waitFor();
    expect(await violations(page)).toEqual([]);

    await page.getByRole("button", { name: "Keyboard" }).click();
    await page.getByRole("dialog").waitFor();
    expect(await violations(page)).toEqual([]);
    expect(errors.filter((text) => !text.includes("404"))).toEqual([]);
    await page.context().close();
  });
});

test("with keys alone: signing in, through the list, read, archive, undo, help, and out", async () => {
  const { page } = await stage.open();
  const token = await stage.token("keys");
  for (const title of ["First", "Second", "Third"]) await stage.send("user:keys", { title });
  await page.getByLabel("Token", { exact: true }).and(page.locator(":focus")).waitFor();
  await page.keyboard.insertText(token);
  await page.keyboard.press("Enter");
  await unreadRow(page, "Third").waitFor();

  const focused = (title: string) => row(page, title).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("j");
  await focused("Third");
  await page.keyboard.press("j");
  await focused("Second");
  await page.keyboard.press("k");
  await focused("Third");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("r");
  await readRow(page, "Second").waitFor();
  await page.keyboard.press("r");
  await unreadRow(page, "Second").waitFor();
  await page.keyboard.press("e");
  await row(page, "Second").waitFor({ state: "detached" });
  await focused("First");
  await page.keyboard.press("z");
  await row(page, "Second").waitFor();
  await page.keyboard.press("Home");
  await focused("Third");
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await focused("Third");
  await page.keyboard.press("Tab");
  await row(page, "Third").getByRole("button", { name: "Mark read" }).and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Enter");
  await readRow(page, "Third").waitFor();
  await page.context().close();
});

test("no key does anything while something is typed, or while the focus is elsewhere", async () => {
  const { page } = await stage.open();
  await fill(page);
  await page.getByLabel("Follow a topic").pressSequentially("rejz?");
  expect(await page.getByLabel("Follow a topic").inputValue()).toBe("rejz?");
  await page.getByRole("button", { name: "Sign out" }).focus();
  for (const key of ["r", "e", "j", "?"]) await page.keyboard.press(key);
  expect(await page.locator(".row.unread").count()).toBe(3);
  expect(await page.getByRole("dialog").isVisible()).toBe(false);
  await page.context().close();
});

test("on a phone, nothing is wider than the screen and every control is tall enough for a thumb", async () => {
  const { page } = await stage.open({
    viewport: { width: 320, height: 640 },
    isMobile: true,
    hasTouch: true,
  });
  const user = await fill(page);
  await stage.send(
    `user:${user}`,
    { title: "x".repeat(190), body: "y".repeat(900) },
    { type: "t".repeat(200) },
  );
  await row(page, "x".repeat(190)).waitFor();
  await page.locator("#frames summary").click();
  await page.locator("#frames-list li").first().waitFor();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(320);
  for (const box of await page.getByRole("button").all())
    if (await box.isVisible()) expect((await box.boundingBox())?.height).toBeGreaterThanOrEqual(36);
  await page.context().close();
});

test("who wants less motion gets none", async () => {
  const { page } = await stage.open({ reducedMotion: "reduce" });
  await fill(page);
  await row(page, "First").getByRole("button", { name: "Mark read" }).click();
  await page.getByRole("button", { name: "Undo" }).waitFor();
  expect(await page.evaluate("document.getAnimations().length")).toBe(0);
  await page.context().close();
});
