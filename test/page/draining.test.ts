// A server that is stopped as platforms do it asks the page to leave; the page is back when the server is.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makePlace, type Place } from "../../cli/test/command.ts";
import { launch, noBrowser, row, signIn, titled } from "./stage.ts";

let place: Place;
beforeAll(() => {
  place = makePlace();
});
afterAll(() => place.leave());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

test("invariant 4: after a drain and a start nothing is missing and nothing twice", async () => {
  const first = await place.serve();
  const { port } = new URL(first.serving.url);
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(first.serving.url);
  await signIn(page, (await place.done(["token", "42"])).out.trim());
  const send = (title: string) =>
    place.done(["send", "42", "--type", "t", "--data", JSON.stringify({ title })]);
  await send("Before");
  await row(page, "Before").waitFor();
  await page.locator("#frames summary").click();

  first.child.kill("SIGTERM");
  expect((await first.ended).status).toBe(0);
  await page.locator("#frames-list li").filter({ hasText: '"type":"goaway"' }).waitFor();
  await place.serve(["--port", port]);
  await send("After");
  await row(page, "After").waitFor();
  expect(await page.locator(".title").allTextContents()).toEqual(["After", "Before"]);
  await titled(page, "(2) Carillon");
  await browser.close();
});
