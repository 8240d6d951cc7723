import { afterAll, beforeAll, expect, test } from "vitest";
import { makePlace, type Place } from "./command.ts";

let place: Place;
beforeAll(async () => {
  place = makePlace();
  await place.serve();
});
afterAll(() => place.leave());

const run = (...args: string[]) => place.done(args);

async function sent(stream: string, ...more: string[]): Promise<void> {
  expect((await run("send", stream, "--type", "t", ...more)).status).toBe(0);
}

test("what a user sees, newest first, and what they have marked of it", async () => {
  await run("topic", "create", "builds");
  await run("topic", "subscribe", "builds", "user:i1");
  await sent("user:i1", "--data", "1");
  await sent("topic:builds", "--data", "2");
  await sent("user:i1", "--data", "3");
  const all = "*  user:i1 #2  t  3\n*  topic:builds #1  t  2\n*  user:i1 #1  t  1\n";
  expect(await run("inbox", "user:i1")).toMatchObject({ status: 0, out: all, err: "" });
  expect((await run("inbox", "i1", "--limit", "2")).out).toBe(`${all.split("\n").slice(0, 2).join("\n")}\n`);
  expect((await run("inbox", "i1", "--topic", "builds", "--since", "1h")).out).toBe(
    "*  topic:builds #1  t  2\n",
  );

  expect((await run("inbox", "read", "user:i1", "user:i1", "1")).out).toBe("read\n");
  expect((await run("inbox", "archive", "i1", "topic:builds", "--up-to", "1")).out).toBe("archived\n");
  expect((await run("inbox", "i1")).out).toBe("*  user:i1 #2  t  3\n   user:i1 #1  t  1\n");
  expect((await run("inbox", "i1", "--unread")).out).toBe("*  user:i1 #2  t  3\n");
  expect((await run("inbox", "i1", "--archived")).out).toBe("*- topic:builds #1  t  2\n");
  expect((await run("inbox", "unread", "i1", "user:i1", "1")).out).toBe("unread again\n");
  expect((await run("inbox", "unarchive", "i1", "topic:builds", "1")).out).toBe("back in the inbox\n");
  expect((await run("inbox", "i1", "--unread")).out).toBe(all);
  expect((await run("inbox", "read", "i1", "--all")).out).toBe("read\n");
  expect((await run("inbox", "i1", "--unread")).out).toBe("");
});

test("all of it, page by page, as JSON", async () => {
  const many = Array.from({ length: 230 }, (_, at) =>
    JSON.stringify({ to: "user:i2", type: "t", data: at + 1 }),
  );
  expect((await place.done(["send", "--file", "-"], { input: many.join("\n") })).status).toBe(0);
  const { out } = await run("inbox", "i2", "--all", "--json");
  const items = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 230 }, (_, at) => 230 - at));
  expect(items[0]).toMatchObject({ stream: "user:i2", read: false, archived: false, event: { data: 230 } });
});

test.each([
  [["user:i3", "--limit", "0"], "--limit needs a whole number from 1 to 100"],
  [["user:i3", "--limit", "5", "--all"], "one of --limit and --all"],
  [["raed", "user:i3", "user:i3", "1"], "there is no raed for inboxes; did you mean read?"],
  [["read", "user:i3"], "which stream? user:i3, or topic:<name>"],
  [["read", "user:i3", "user:i3"], "which places, or --up-to which?"],
  [["unread", "user:i3", "--all"], "unread takes single places alone"],
  [["read", "user:i3", "user:i3", "0"], "0 is no place in a stream"],
])("what can't be meant is told: %j", async (args, told) => {
  const { status, err } = await run("inbox", ...args);
  expect(status).toBe(2);
  expect(err).toContain(told);
});

test("what the server refuses is told in its words", async () => {
  const { status, err } = await run("inbox", "read", "user:i4", "topic:elsewhere", "1");
  expect(status).toBe(3);
  expect(err).toContain("the user doesn't follow this stream");
});
