// Signing in to the page: a token stays in its tab, is in no URL, and its end is said.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connected, noBrowser, openStage, row, type Stage, signIn } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  if (noBrowser === null) stage = await openStage();
});
afterAll(() => stage?.close());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

test("a token signs in, a reload stays signed in, and another tab signs in for itself", async () => {
  const { page } = await stage.open();
  const token = await stage.token("42");
  await stage.send("user:42", { title: "On its way" });
  await signIn(page, token);
  await page.getByText("Signed in as 42").waitFor();
  await row(page, "On its way").waitFor();
  await page.reload();
  await connected(page);
  await row(page, "On its way").waitFor();

  const other = await page.context().newPage();
  await other.goto(stage.server.url);
  await other.getByLabel("Token", { exact: true }).waitFor();
  expect(await other.getByText("Signed in as").isVisible()).toBe(false);
  await page.context().close();
});

test("the token is in no URL, whatever the page asks and wherever it stands", async () => {
  const { page } = await stage.open();
  const urls: string[] = [];
  page.on("request", (request) => urls.push(request.url()));
  page.on("websocket", (socket) => urls.push(socket.url()));
  page.on("framenavigated", (frame) => urls.push(frame.url()));
  const token = await stage.token("42");
  await signIn(page, token);
  await page.reload();
  await connected(page);
  expect(urls.some((url) => url.includes("/v1/live"))).toBe(true);
  expect(urls.filter((url) => url.includes(token.split(".")[2]!))).toEqual([]);
  await page.context().close();
});

test("signing out forgets the token, and shows nothing of the inbox any more", async () => {
  const { page } = await stage.open();
  await signIn(page, await stage.token("43"));
  await connected(page);
  await stage.send("user:43", { title: "Private" });
  await row(page, "Private").waitFor();
  await page.locator("#frames summary").click();
  await page.locator("#frames-list").getByText("Private").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token", { exact: true }).waitFor();
  expect(await page.evaluate("document.body.textContent.includes('Private')")).toBe(false);
  await page.reload();
  await page.getByLabel("Token", { exact: true }).waitFor();
  expect(await page.title()).toBe("Carillon");
  await page.context().close();
});

test.each([
  ["an API key", `ck_${"a".repeat(43)}`, "This is an API key"],
  ["no token at all", "42", "This isn't a token"],
  ["nothing", "", "Paste a token first"],
])("%s is refused without asking the server", async (_, text, why) => {
  const { page } = await stage.open();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("websocket", (socket) => asked.push(socket.url()));
  await page.getByLabel("Token", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: why }).waitFor();
  expect(await page.getByLabel("Token", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  expect(asked.filter((url) => url.includes("/v1/"))).toEqual([]);
  await page.context().close();
});

test("a token that isn't valid here is refused, and asked for again", async () => {
  const { page } = await stage.open();
  const forged = `${(await stage.token("42")).split(".").slice(0, 2).join(".")}.Zm9yZ2Vk`;
  await page.getByLabel("Token", { exact: true }).fill(forged);
  await page.getByLabel("Token", { exact: true }).press("Enter");
  await page.getByRole("alert").filter({ hasText: "This token isn't valid here." }).waitFor();
  expect(await page.evaluate("sessionStorage.length")).toBe(0);
  await page.context().close();
});

test("a token that expires ends it with a word, and is asked for anew", async () => {
  const { page } = await stage.open();
  const token = await stage.token("42", "1s");
  await signIn(page, token);
  const expired = page.getByRole("alert").filter({ hasText: "Your token has expired. Ask for a new one" });
  await expired.waitFor();
  await page.reload();
  expect(await expired.isVisible()).toBe(false);
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expired.waitFor();
  await signIn(page, await stage.token("42"));
  await page.context().close();
});

test("a token that is revoked ends it at once", async () => {
  const { page } = await stage.open();
  await signIn(page, await stage.token("44"));
  await stage.ask("POST", "/v1/users/44/revocations", {});
  await page.getByRole("alert").filter({ hasText: "Your token was revoked." }).waitFor();
  await page.context().close();
});
