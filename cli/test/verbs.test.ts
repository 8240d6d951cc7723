import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makePlace, type Place, type Serving } from "./command.ts";

let place: Place;
let serving: Serving;
beforeAll(async () => {
  place = makePlace();
  serving = (await place.serve()).serving;
});
afterAll(() => place.leave());

const run = (...args: string[]) => place.done(args);
const lines = (text: string) => text.trim().split("\n");

describe("status of the server", () => {
  test("says that it is ready, since when, and what it has done", async () => {
    await run("send", "user:st1", "--type", "t");
    const { status, out, err } = await run("status");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(/^Carillon \d+\.\d+\.\d+ is ready \(http:\/\/127\.0\.0\.1:\d+, since \d{4}-/);
    expect(out).toMatch(/^ {2}store +ok$/m);
    expect(out).toMatch(/^ {2}stored +[1-9]/m);
    const json = JSON.parse((await run("status", "--json")).out);
    expect(json).toMatchObject({ ready: true, checks: { store: "ok" }, sessions: { websocket: 0 } });
  });

  test("one that can't be reached has its own exit status", async () => {
    expect(await run("status", "--operations-url", "http://127.0.0.1:1023")).toMatchObject({
      status: 4,
      err: "http://127.0.0.1:1023 can't be reached: nothing listens there\n",
    });
  });
});

describe("send", () => {
  test("one to several, with everything that can be said", async () => {
    const sent = await run(
      "send",
      "user:s1",
      "s2",
      "--type",
      "t",
      "--data",
      "not JSON",
      "--id",
      "a",
      "--source",
      "/shop",
      "--subject",
      "o-1",
      "--expires",
      "1h",
      "--silent",
      "--receipt",
      "--collapse-key",
      "k",
    );
    expect(sent).toMatchObject({ status: 0, out: "stored user:s1 at 1\nstored user:s2 at 1\n", err: "" });
    const [frame] = lines((await run("listen", "s1", "--count", "1", "--json")).out).map((line) =>
      JSON.parse(line),
    );
    expect(frame.event).toMatchObject({
      id: "a",
      source: "/shop",
      type: "t",
      subject: "o-1",
      data: "not JSON",
    });
  });

  test("the same id again changes nothing; with other content it is refused", async () => {
    const args = ["send", "user:s3", "--type", "t", "--id", "same", "--data", "1"];
    expect((await run(...args)).out).toBe("stored user:s3 at 1\n");
    expect((await run(...args)).out).toBe("duplicate user:s3 at 1\n");
    const conflict = await run("send", "user:s3", "--type", "t", "--id", "same", "--data", "2");
    expect(conflict.status).toBe(3);
    expect(conflict.err).toContain("conflict user:s3");
  });

  test("what is not valid is refused with its place", async () => {
    const { status, err } = await run("send", "user:s4", "--type", "t", "--expires", "soon");
    expect(status).toBe(3);
    expect(err).toContain("/expires: must be");
  });

  test("a file goes in batches; bad lines are named, the rest is sent", async () => {
    const good = Array.from({ length: 250 }, (_, at) =>
      JSON.stringify({ to: "user:s5", type: "n", data: at }),
    );
    const input = [...good.slice(0, 100), "{", "[]", '{"to":"user:s5"}', "", ...good.slice(100)].join("\n");
    const { status, err } = await place.done(["send", "--file", "-"], { input });
    expect(status).toBe(3);
    expect(err).toContain("line 101: ");
    expect(err).toContain("line 102: not a JSON object\n");
    expect(err).toMatch(/line 103: .*body-invalid/);
    expect(lines(err).at(-1)).toMatch(/250 stored/);
    const { out } = await run("listen", "s5", "--count", "250", "--json");
    expect(lines(out).map((line) => JSON.parse(line).event.data)).toEqual(good.map((_, at) => at));
  });

  test("--json prints the server's answer", async () => {
    const { out } = await run("send", "user:s6", "--type", "t", "--id", "j", "--json");
    expect(JSON.parse(out)).toEqual({
      id: "j",
      source: "/cli",
      receipts: [{ to: "user:s6", status: "stored", seq: 1 }],
    });
  });

  test("an unknown key is refused, and nobody there is status 4 after trying", async () => {
    const refused = await run("send", "user:s7", "--type", "t", "--key", `ck_${"x".repeat(43)}`);
    expect(refused.status).toBe(3);
    expect(refused.err).toContain("key-invalid");
    const nobody = await run(
      "send",
      "user:s7",
      "--type",
      "t",
      "--url",
      "http://127.0.0.1:1023",
      "--retry",
      "1s",
    );
    expect(nobody.status).toBe(4);
    expect(nobody.err).toMatch(/trying again in .*\n.*can't be reached/s);
  });
});

describe("listen", () => {
  test.each(["websocket", "sse", "poll"])(
    "over %s: what was missed, then what is new, in order",
    async (transport) => {
      const user = `l-${transport}`;
      await run("send", user, "--type", "a");
      await run("send", user, "--type", "b");
      const listener = place.run(["listen", user, "--count", "3", "--transport", transport]);
      await listener.says(/#2 {2}b/);
      await run("send", user, "--type", "c");
      const { status, out } = await listener.ended;
      expect(status).toBe(0);
      expect(lines(out).map((line) => line.split("  ")[1])).toEqual(["a", "b", "c"]);
    },
  );

  test("one cursor file serves all transports, in the middle of a stream", async () => {
    const input = Array.from({ length: 9 }, (_, at) =>
      JSON.stringify({ to: ["user:l4", "user:l5"], type: "n", data: at }),
    ).join("\n");
    await place.done(["send", "--file", "-"], { input });
    const seen: number[] = [];
    for (const transport of ["poll", "websocket", "sse", "websocket", "poll", "sse"]) {
      const count = transport === "poll" ? "2" : "1";
      const { status, out } = await run(
        "listen",
        "l4",
        "--count",
        count,
        "--transport",
        transport,
        "--cursor-file",
        "place",
        "--json",
      );
      expect(status).toBe(0);
      for (const line of lines(out)) seen.push(JSON.parse(line).seq);
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(readFileSync(join(place.directory, "place"), "utf8")).toMatch(/^[\w-]+\n$/);
  });

  test("a damaged cursor is an error, never a start from the beginning", async () => {
    writeFileSync(join(place.directory, "damaged"), "AAAAAAAAAAAA\n");
    const { status, err } = await run("listen", "l4", "--cursor-file", "damaged");
    expect(status).toBe(2);
    expect(err).toMatch(/the cursor is .*; start without it/);
  });

  test("a token that is not good ends it with the server's reason", async () => {
    for (const transport of ["websocket", "sse", "poll"]) {
      const { status, err } = await run(
        "listen",
        "l6",
        "--token",
        "eyJh.eyJh.abcd",
        "--transport",
        transport,
      );
      expect({ transport, status }).toEqual({ transport, status: 3 });
      expect(err).toMatch(/token/i);
    }
  });

  test("what a notification says can't command the terminal", async () => {
    await run("send", "l7", "--type", "t", "--data", '"\\u001b[2J\\u202e\\u0007"');
    const { out } = await run("listen", "l7", "--count", "1");
    expect(out).toBe("user:l7 #1  t  \\u001b[2J\\u202e\\u0007\n");
  });
});

test("a user: shown, given a state, asked for, erased", async () => {
  await run("send", "user:u9", "--type", "t");
  expect((await run("user", "show", "u9")).out).toBe(
    "user:u9  1 unread, 1 unseen  follows 0 topics  no state\n",
  );
  expect((await run("user", "state", "user:u9", '{"plan":"pro","seats":2}')).out).toBe(
    '{"plan":"pro","seats":2}\n',
  );
  expect((await run("user", "state", "u9", '{"seats":null}', "--json")).out).toBe(
    '{"version":2,"state":{"plan":"pro"}}\n',
  );
  expect((await run("user", "state", "u9", '{"a":1}', "--replace")).out).toBe('{"a":1}\n');
  expect((await run("user", "state", "u9")).out).toBe('{"a":1}\n');
  expect((await run("user", "presence", "u9")).out).toBe("not here\n");
  expect(await run("user", "erase", "u9")).toMatchObject({
    status: 2,
    err: expect.stringContaining("--yes"),
  });
  expect((await run("user", "show", "u9")).out).toContain("1 unread");
  expect((await run("user", "erase", "u9", "--yes")).out).toBe("erased\n");
  expect((await run("user", "show", "u9")).out).toBe(
    "user:u9  0 unread, 0 unseen  follows 0 topics  no state\n",
  );
});

test.each([
  [["user", "erse", "u"], "did you mean erase?"],
  [["user", "show"], "which user?"],
  [["user", "show", "u", "{}"], "takes nothing but a user"],
  [["user", "state", "u", "[1]"], "no JSON object"],
  [["user", "state", "u", "--replace"], "--replace by what?"],
  [["user", "state", "topic:t"], "is a topic"],
])("%j is no use of user", async (args, why) => {
  expect(await run(...args)).toMatchObject({ status: 2, err: expect.stringContaining(why) });
});

test("a topic's policy and grants: said, changed, shown", async () => {
  const made = await run(
    "topic",
    "create",
    "pol",
    "--subscribe",
    "open",
    "--keep",
    "48h",
    "--owner",
    "user:7",
  );
  expect(made.out).toBe("topic:pol  0 subscribers  of user:7  open  keeps 2d\n");
  expect((await run("topic", "create", "pol")).out).toBe(made.out);
  const changed = await run(
    "topic",
    "change",
    "pol",
    "--inactive",
    "--publish",
    "subscribers",
    "--keep",
    "none",
  );
  expect(changed.out).toBe("topic:pol  0 subscribers  of user:7  open  subscribers publish  inactive\n");
  expect((await run("send", "topic:pol", "--type", "t")).err).toContain("topic-inactive");
  expect((await run("topic", "change", "pol", "--active", "--json")).out).toContain('"active":true');
  expect((await run("topic", "grant", "pol", "1", "user:2")).out).toBe("granted\ngranted\n");
  expect(lines((await run("topic", "grants", "pol")).out)).toEqual([
    expect.stringMatching(/^user:1 {2}since \d{4}-/),
    expect.stringMatching(/^user:2 {2}since /),
  ]);
  expect((await run("topic", "revoke", "pol", "1")).out).toBe("revoked\n");
  expect((await run("topic", "revoke", "pol", "1")).err).toContain("grant-not-found");
  for (const [args, says] of [
    [["change", "pol"], "change what?"],
    [["change", "pol", "--keep", "soon"], "--keep is a duration"],
    [["change", "pol", "--subscribe", "all"], "--subscribe is open or closed"],
    [["change", "pol", "--active", "--inactive"], "not both"],
    [["show", "pol", "--inactive"], "show changes nothing"],
    [["grant", "pol"], "which user?"],
  ] as const) {
    expect(await run("topic", ...args), args.join(" ")).toMatchObject({
      status: 2,
      err: expect.stringContaining(says),
    });
  }
});

test("topics: made, followed, sent to, listed, left and deleted", async () => {
  expect(await run("topic", "create", "builds")).toMatchObject({
    status: 0,
    out: expect.stringContaining("topic:builds"),
  });
  expect((await run("topic", "subscribe", "builds", "t1", "user:t2")).out).toBe("subscribed\nsubscribed\n");
  expect((await run("topic", "subscribers", "builds")).out).toBe("user:t1\nuser:t2\n");
  const listener = place.run(["listen", "t1", "--count", "1"]);
  await listener.says(/connected/);
  expect((await run("send", "topic:builds", "--type", "done")).out).toBe("stored topic:builds at 1\n");
  expect((await listener.ended).out).toBe("topic:builds #1  done  \n");
  expect((await run("topic", "list")).out).toContain("topic:builds  2 subscribers");
  expect((await run("topic", "unsubscribe", "builds", "t2")).out).toBe("unsubscribed\n");
  expect((await run("topic", "delete", "builds")).out).toBe("deleted\n");
  expect((await run("topic", "show", "builds")).status).toBe(3);
  expect((await run("topic", "crate", "builds")).err).toContain("did you mean create?");
});

test("status says where a notification is, and takes it back", async () => {
  await run("send", "st", "--type", "t", "--id", "x-1");
  expect((await run("status", "x-1", "--to", "user:st")).out).toBe("stored in user:st at 1\n");
  expect((await run("status", "x-1", "--to", "user:st", "--take-back")).out).toBe("gone in user:st at 1\n");
  expect((await run("status", "x-2", "--to", "user:st")).status).toBe(3);
});

test("a token that was printed opens a session", async () => {
  await run("send", "tk", "--type", "t");
  const { out: token } = await run("token", "tk", "--ttl", "10m");
  const { status } = await place.done(["listen", "tk", "--count", "1"], {
    env: { CARILLON_TOKEN: token.trim() },
  });
  expect(status).toBe(0);
  expect((await run("token", "tk", "--ttl", "forever")).status).toBe(2);
});

test("keys: made, used as they are bound, listed and withdrawn", async () => {
  const made = await run("key", "create", "shop", "--scope", "send", "--source", "/shop", "--ttl", "90d");
  expect(made).toMatchObject({ status: 0, out: expect.stringMatching(/^ck_[\w-]{43}\n$/), err: "" });
  const env = { CARILLON_KEY: made.out.trim() };
  const sendAs = (source: string) =>
    place.done(["send", "user:k", "--type", "t", "--source", source], { env });
  expect((await sendAs("/shop")).out).toBe("stored user:k at 1\n");
  expect((await sendAs("/other")).err).toContain("source-forbidden");
  expect((await place.done(["key", "list"], { env })).err).toContain("forbidden");
  const { out } = await run("key", "list");
  expect(out).toContain("first  send,topics,users,admin  as *\n");
  expect(out).toMatch(/^shop {2}send {2}as \/shop {2}until \d{4}-/m);
  expect((await run("key", "create", "shop", "--scope", "send", "--source", "/")).err).toContain("key-taken");
  expect((await run("key", "remove", "first")).err).toContain("key-in-use");
  expect((await run("key", "remove", "shop")).out).toBe("removed\n");
  expect((await sendAs("/shop")).err).toContain("key-invalid");
  const { keys } = JSON.parse((await run("key", "list", "--json")).out);
  expect(keys.map(({ name }: { name: string }) => name)).toEqual(["first"]);
});

describe("the command itself", () => {
  test.each([
    [[], 2, /usage: carillon <verb>/],
    [["--help"], 0, /Exit statuses:/],
    [["--version"], 0, /^\d+\.\d+\.\d+\n$/],
    [["lisen"], 2, /there is no verb lisen; did you mean listen\?/],
    [["send", "--tpe", "x"], 2, /there is no flag --tpe; did you mean --type\?/],
    [["send", "--type"], 2, /--type needs a value: --type TYPE/],
    [["send", "42"], 2, /--type is needed/],
    [["send", "--type", "t"], 2, /to whom\?/],
    [["send", "42", "--type", "t", "--retry", "soon"], 2, /--retry soon is not a time/],
    [["key", "remov", "shop"], 2, /did you mean remove\?/],
    [["key", "create", "shop"], 2, /--scope is needed/],
    [["key", "remove"], 2, /which key\?/],
    [["listen"], 2, /something is missing/],
    [["listen", "a", "b"], 2, /"b" is not expected here/],
    [["listen", "topic:builds"], 2, /is a topic/],
    [["listen", "42", "--transport", "pigeon"], 2, /none of websocket, sse, poll/],
    [["listen", "42", "--count", "0"], 2, /--count needs a whole number/],
    [["listen", "42", "--url", "ftp://x"], 2, /is not an http: or https: URL/],
  ])("carillon %j: status %i", async (args, status, says) => {
    const ended = await run(...args);
    expect(ended.status).toBe(status);
    expect(ended.out + ended.err).toMatch(says);
  });

  test.each(["serve", "send", "listen", "token", "topic", "key", "status", "config"])(
    "carillon %s --help",
    async (name) => {
      const { status, out } = await run(name, "--help");
      expect(status).toBe(0);
      expect(out).toMatch(new RegExp(`^carillon ${name}: .*\n\nusage: carillon ${name} `));
      for (const line of lines(out)) expect(line.length).toBeLessThan(125);
    },
  );

  test("without credentials it says how to give them", async () => {
    const { status, err } = await place.done([
      "send",
      "42",
      "--type",
      "t",
      "--data-directory",
      "nowhere",
      "--url",
      serving.url,
    ]);
    expect(status).toBe(2);
    expect(err).toContain("CARILLON_KEY");
  });
});
