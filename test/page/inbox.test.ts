// What arrives, what is marked, and that all of a person's tabs agree, across restarts of the server.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
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
  if (noBrowser === null) stage = await openStage();
});
afterAll(() => stage?.close());
beforeEach(({ skip }) => {
  if (noBrowser !== null) skip(noBrowser);
});

let users = 0;
/** A user of their own, with as many tabs, signed in. */
async function tabsOf(count: number) {
  const user = `u${++users}`;
  const token = await stage.token(user);
  const { page, errors } = await stage.open();
  const pages = [page];
  while (pages.length < count) {
    const next = await page.context().newPage();
    await next.goto(stage.server.url);
    pages.push(next);
  }
  for (const each of pages) await signIn(each, token);
  const send = (title: string, more = {}) => stage.send(`user:${user}`, { title, ...more });
  return { user, token, pages, page, other: pages[1]!, send, leave: () => page.context().close(), errors };
}

describe("arrivals", () => {
  test("come to every tab, newest first, are counted in the title and said aloud", async () => {
    const { pages, send, leave } = await tabsOf(2);
    await send("First");
    await send("Second", { body: "with a body", url: "https://shop.example/o" });
    for (const page of pages) {
      await unreadRow(page, "Second").waitFor();
      await titled(page, "(2) Carillon");
      expect(await page.locator(".title").allTextContents()).toEqual(["Second", "First"]);
      await page.locator("[aria-live=polite]").filter({ hasText: "New: Second" }).waitFor();
      const link = row(page, "Second").getByRole("link");
      expect(await link.getAttribute("href")).toBe("https://shop.example/o");
      expect(await link.getAttribute("rel")).toBe("noopener noreferrer");
    }
    await leave();
  });

  test("those that were sent while nobody looked are there", async () => {
    await stage.send("user:away", { title: "While you were away" });
    const { page } = await stage.open();
    await signIn(page, await stage.token("away"));
    await row(page, "While you were away").waitFor();
    await titled(page, "(1) Carillon");
    await page.context().close();
  });

  test("looking at them says so: nothing is new any more, and yet unread", async () => {
    const { page, send, leave } = await tabsOf(1);
    const said = page
      .waitForEvent("websocket")
      .then((socket) =>
        socket.waitForEvent("framesent", ({ payload }) => String(payload).includes('"type":"seen"')),
      );
    await page.reload();
    await send("Look");
    await said;
    await page.getByText("1 unread", { exact: true }).waitFor();
    await unreadRow(page, "Look").waitFor();
    await leave();
  });

  test("invariant 7: the badge is right after the server was killed and started again", async () => {
    const { page, other, send, leave } = await tabsOf(2);
    await send("Before");
    await titled(page, "(1) Carillon");
    await stage.server.killAndRestart();
    await send("After");
    for (const each of [page, other]) {
      await row(each, "After").waitFor();
      await titled(each, "(2) Carillon");
      expect(await each.locator(".title").allTextContents()).toEqual(["After", "Before"]);
    }
    await row(page, "Before").getByRole("button", { name: "Mark read" }).click();
    await titled(other, "(1) Carillon");
    await leave();
  });

  test("being offline is said, and what came meanwhile, that alone, is sent afterwards", async () => {
    const { page, send, leave } = await tabsOf(1);
    for (const title of ["First", "Second"]) await send(title);
    await row(page, "Second").waitFor();
    const passed: string[] = [];
    page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => passed.push(String(payload))),
    );
    await page.context().setOffline(true);
    await page.getByRole("status").filter({ hasText: "You are offline" }).waitFor();
    await send("Meanwhile");
    await page.context().setOffline(false);
    await connected(page);
    await row(page, "Meanwhile").waitFor();
    await titled(page, "(3) Carillon");
    expect(passed.filter((text) => text.includes('"type":"notification"'))).toEqual([
      expect.stringContaining('"title":"Meanwhile"'),
    ]);
    await leave();
  });
});

describe("marks", () => {
  test("read in one tab is read in the other, and unread again as well", async () => {
    const { page, other, send, leave } = await tabsOf(2);
    await send("Both");
    await row(page, "Both").getByRole("button", { name: "Mark read" }).click();
    for (const each of [page, other]) {
      await readRow(each, "Both").waitFor();
      await titled(each, "Carillon");
    }
    await row(other, "Both").getByRole("button", { name: "Mark unread" }).click();
    for (const each of [page, other]) {
      await unreadRow(each, "Both").waitFor();
      await titled(each, "(1) Carillon");
    }
    await leave();
  });

  test("archived leaves the list of both, and undo brings it back", async () => {
    const { page, other, send, leave } = await tabsOf(2);
    await send("Old");
    await row(other, "Old").waitFor();
    await row(page, "Old").getByRole("button", { name: "Archive" }).click();
    for (const each of [page, other]) await row(each, "Old").waitFor({ state: "detached" });
    await titled(other, "Carillon");
    await page.getByRole("button", { name: "Undo" }).click();
    for (const each of [page, other]) await unreadRow(each, "Old").waitFor();
    await titled(other, "(1) Carillon");
    await leave();
  });

  test("undo before the server has confirmed is done once it has", async () => {
    const { page, send, leave } = await tabsOf(1);
    const held: (() => void)[] = [];
    let isHeld = true;
    await page.routeWebSocket(/\/v1\/live/, (client) => {
      const server = client.connectToServer();
      server.onMessage((message) => {
        const pass = () => client.send(message);
        if (isHeld && String(message).includes('"type":"reply"')) held.push(pass);
        else pass();
      });
    });
    await page.reload();
    await send("Soon back");
    await row(page, "Soon back").waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("e");
    await row(page, "Soon back").waitFor({ state: "detached" });
    await page.keyboard.press("z");
    isHeld = false;
    for (const pass of held) pass();
    await row(page, "Soon back").waitFor();
    await leave();
  });

  test("from one down, and all at once", async () => {
    const { page, other, send, leave } = await tabsOf(2);
    for (const title of ["One", "Two", "Three"]) await send(title);
    await row(other, "Three").waitFor();
    await row(page, "Two").getByRole("button", { name: "Read to here" }).click();
    for (const title of ["One", "Two"]) await readRow(other, title).waitFor();
    await unreadRow(other, "Three").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await titled(other, "(3) Carillon");
    await other.getByRole("button", { name: "Mark all read" }).click();
    await titled(page, "Carillon");
    for (const title of ["One", "Two", "Three"]) await readRow(page, title).waitFor();
    await leave();
  });

  test("what one isn't connected for isn't done, and that is said", async () => {
    const { page, send, leave } = await tabsOf(1);
    const line = await makeCuttable(page);
    await send("Not now");
    await row(page, "Not now").waitFor();
    await line.cut();
    await row(page, "Not now").getByRole("button", { name: "Mark read" }).click();
    await page.getByText("Not done: there is no connection.").first().waitFor();
    await unreadRow(page, "Not now").waitFor();
    await leave();
  });
});

describe("what a stranger writes", () => {
  const markup = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script><svg onload="window.hurt=1">`;

  test("markup and script in a notification are shown as the text that they are", async () => {
    const { page, send, user, leave, errors } = await tabsOf(1);
    await stage.send(`user:${user}`, { title: markup, body: markup }, { type: markup, subject: markup });
    await send("Behind it");
    await row(page, "Behind it").waitFor();
    await page.getByRole("heading", { name: markup }).waitFor();
    await page.locator("#frames summary").click();
    await page.locator("#frames-list li").first().waitFor();
    expect(await page.evaluate("window.hurt")).toBeUndefined();
    expect(await page.locator(".list img, .list script, .list svg, #frames-list img").count()).toBe(0);
    expect(errors).toEqual([]);
    await leave();
  });

  test("an address that isn't http: or https: is no link", async () => {
    const { page, send, leave } = await tabsOf(1);
    for (const url of [
      "javascript:window.hurt=1",
      "data:text/html,<script>1</script>",
      "/v1/keys",
      "https://a@b.example/",
    ]) {
      await send(url, { url });
      await row(page, url).waitFor();
    }
    expect(await page.locator(".list a").count()).toBe(0);
    await leave();
  });
});

describe("topics", () => {
  test("an open one is followed and left by name, in every tab", async () => {
    await stage.ask("PUT", "/v1/topics/builds", { subscribe: "open" });
    const { page, other, leave } = await tabsOf(2);
    await page.getByLabel("Follow a topic").fill("builds");
    await page.getByRole("button", { name: "Follow", exact: true }).click();
    for (const each of [page, other]) await each.getByRole("button", { name: "Unfollow builds" }).waitFor();
    await stage.send("topic:builds", { title: "It is green" });
    for (const each of [page, other]) await row(each, "It is green").waitFor();
    await titled(other, "(1) Carillon");
    await other.getByRole("button", { name: "Unfollow builds" }).click();
    for (const each of [page, other]) {
      await each.getByText("You follow none.").waitFor();
      await row(each, "It is green").waitFor({ state: "detached" });
      await titled(each, "Carillon");
    }
    await leave();
  });

  test("what can't be followed is said in the server's words", async () => {
    const { page, leave } = await tabsOf(1);
    const field = page.getByLabel("Follow a topic");
    for (const [name, title] of [
      ["nowhere", "No such topic"],
      ["not a name", "Not a topic name"],
    ]) {
      await field.fill(name!);
      await field.press("Enter");
      await page.getByRole("alert").filter({ hasText: title! }).waitFor();
      expect(await field.getAttribute("aria-invalid")).toBe("true");
    }
    await leave();
  });
});

describe("frames", () => {
  test("are shown both ways, without the token, and can be paused and cleared", async () => {
    const { page, token, send, leave } = await tabsOf(1);
    await page.locator("#frames summary").click();
    const lines = page.locator("#frames-list li");
    await lines.filter({ hasText: '"type":"auth","token":"(token)"' }).waitFor();
    await send("Seen");
    await lines.filter({ hasText: '"title":"Seen"' }).waitFor();
    expect(await page.locator("#frames-list").textContent()).not.toContain(token.split(".")[2]);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Clear" }).click();
    await send("Unseen");
    await row(page, "Unseen").waitFor();
    expect(await lines.count()).toBe(0);
    await leave();
  });
});
