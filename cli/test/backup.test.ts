// Backups of a server that serves: the real command, real processes, real load.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makePlace, type Place } from "./command.ts";

let place: Place;

beforeEach(() => {
  place = makePlace();
});

afterEach(() => place.leave());

const keyIn = (directory: string): string => readFileSync(join(directory, "api.key"), "utf8").trim();

interface Accepted {
  readonly id: string;
  readonly seq: number;
}

/** Sends to one user until it is told to stop; what was accepted, in order. */
function load(url: string, key: string, name: string) {
  const accepted: Accepted[] = [];
  let stopped = false;
  let look = (): void => {};
  const send = async (): Promise<void> => {
    for (let number = 0; !stopped; number++) {
      const id = `${name}-${number}`;
      const response = await fetch(`${url}/v1/notifications`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ to: "user:42", source: "/load", id, type: "load.one", data: { number } }),
      });
      const { receipts } = (await response.json()) as { receipts: [{ seq: number }] };
      expect(response.status).toBe(202);
      accepted.push({ id, seq: receipts[0].seq });
      look();
    }
  };
  const sending = send();
  return {
    accepted,
    until: (count: number): Promise<void> =>
      new Promise((resolve) => {
        look = () => {
          if (accepted.length >= count) resolve();
        };
        look();
      }),
    async stop(): Promise<void> {
      stopped = true;
      await sending;
    },
  };
}

interface Poll {
  readonly cursor: string;
  readonly frames: readonly {
    readonly type: string;
    readonly seq?: number;
    readonly prev?: number;
    readonly reason?: string;
    readonly to?: number;
    readonly event?: { readonly id: string };
  }[];
}

async function poll(url: string, token: string, cursor: string): Promise<Poll> {
  const query = new URLSearchParams({ wait: "1", ...(cursor === "" ? {} : { cursor }) });
  const response = await fetch(`${url}/v1/poll?${query}`, { headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as Poll;
}

/** All that there is, from a cursor to the end. */
async function drain(url: string, token: string, from: string): Promise<Poll> {
  const frames: Poll["frames"][number][] = [];
  for (let cursor = from; ; ) {
    const page = await poll(url, token, cursor);
    frames.push(...page.frames);
    if (!page.frames.some(({ type }) => type === "notification")) return { cursor: page.cursor, frames };
    cursor = page.cursor;
  }
}

const tokenOf = async (directory: string): Promise<string> =>
  (await place.done(["token", "user:42", "--data-directory", directory])).out.trim();

test("invariant 1: what was accepted before a backup began is in it; clients get a gap, go on, and see nothing twice", async () => {
  const server = await place.serve(["--data-directory", "live"]);
  const { url } = server.serving;
  const live = join(place.directory, "live");
  const loads = ["a", "b", "c"].map((name) => load(url, keyIn(live), name));
  await loads[0]!.until(50);
  const before = loads.flatMap(({ accepted }) => [...accepted]);
  const backup = await place.done(["backup", "kept", "--data-directory", "live", "--with-keys"]);
  expect(backup).toMatchObject({ status: 0 });
  await loads[0]!.until(loads[0]!.accepted.length + 20);
  for (const one of loads) await one.stop();
  const token = await tokenOf("live");
  const told = await drain(url, token, "");
  server.child.kill("SIGKILL");
  await server.ended;

  const restored = await place.done(["restore", "kept", "--data-directory", "back"]);
  expect(restored).toMatchObject({ status: 0 });
  const again = await place.serve(["--data-directory", "back"]);
  const there = new Map(
    (await drain(again.serving.url, token, "")).frames.flatMap(({ event, seq }) =>
      event === undefined ? [] : [[event.id, seq]],
    ),
  );
  for (const { id, seq } of before) expect(there.get(id)).toBe(seq);
  expect([...there.values()]).toEqual(Array.from({ length: there.size }, (_, at) => at + 1));

  const back = await drain(again.serving.url, token, told.cursor);
  const gap = back.frames.find(({ type }) => type === "gap");
  expect(gap).toMatchObject({ reason: "epoch" });
  await place.done(["send", "user:42", "--type", "after.restore", "--data-directory", "back"]);
  const next = await drain(again.serving.url, token, back.cursor);
  const shown = next.frames.flatMap(({ event, seq }) => (event === undefined ? [] : [seq]));
  expect(shown).toEqual([there.size + 1]);
  expect(next.frames.filter(({ type }) => type === "gap")).toEqual([]);
});

test("a backup is its owner's alone, tells what is in it, and takes keys only when asked to", async () => {
  const server = await place.serve(["--data-directory", "live"]);
  const without = await place.done(["backup", "without", "--data-directory", "live"]);
  expect(without).toMatchObject({ status: 0, err: expect.stringContaining("signs everybody out") });
  const withKeys = await place.done(["backup", "with", "--data-directory", "live", "--with-keys", "--json"]);
  const ended = withKeys.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .at(-1);
  expect(ended).toMatchObject({ type: "ended", is: "done", keysLeft: [] });
  server.child.kill("SIGTERM");
  await server.ended;
  expect(readdirSync(join(place.directory, "without")).sort()).toEqual(["carillon.db", "manifest.json"]);
  const names = ["api.key", "carillon.db", "manifest.json", "signing.key"];
  expect(readdirSync(join(place.directory, "with")).sort()).toEqual(names);
  for (const name of names) {
    expect(statSync(join(place.directory, "with", name)).mode & 0o777).toBe(0o600);
  }
  expect(statSync(join(place.directory, "with")).mode & 0o777).toBe(0o700);
});

test("a backup isn't served, and stays as it was", async () => {
  await (await place.serve(["--data-directory", "live"])).child.kill("SIGKILL");
  await place.done(["backup", "kept", "--data-directory", "live", "--with-keys"]);
  const served = await place.done(["serve", "--data-directory", "kept"]);
  expect(served).toMatchObject({ status: 1, err: expect.stringContaining("carillon restore") });
  expect(await place.done(["restore", "kept", "--data-directory", "back"])).toMatchObject({ status: 0 });
});

test("restore refuses what it can't vouch for, and leaves nothing behind", async () => {
  await (await place.serve(["--data-directory", "live"])).child.kill("SIGKILL");
  await place.done(["backup", "kept", "--data-directory", "live"]);
  const refused = async (why: RegExp, to = "back"): Promise<void> => {
    const { status, err } = await place.done(["restore", "kept", "--data-directory", to]);
    expect({ status, err }).toEqual({ status: 3, err: expect.stringMatching(why) });
    if (to === "back") expect(existsSync(join(place.directory, to))).toBe(false);
    expect(existsSync(join(place.directory, `${to}.partial`))).toBe(false);
  };
  mkdirSync(join(place.directory, "full"));
  writeFileSync(join(place.directory, "full", "mine"), "");
  await refused(/isn't empty/, "full");

  const manifest = join(place.directory, "kept", "manifest.json");
  const text = readFileSync(manifest, "utf8");
  for (const [broken, why] of [
    ["{", /isn't a manifest/],
    [text.replace('"carillonBackup": 1', '"carillonBackup": 2'), /isn't a manifest/],
    [text.replace('"carillon.db"', '"../carillon.db"'), /isn't a manifest/],
    [text.replace(/"sha256": "../, '"sha256": "00'), /isn't as it was/],
  ] as const) {
    writeFileSync(manifest, broken);
    await refused(why);
  }
  writeFileSync(manifest, text);
  const data = join(place.directory, "kept", "carillon.db");
  const bytes = readFileSync(data);
  bytes[bytes.length - 100]! ^= 1;
  writeFileSync(data, bytes);
  await refused(/isn't as it was/);
});

/** 60 MB. */
async function fill(url: string, key: string): Promise<void> {
  const item = { to: "user:large", source: "/large", type: "t", data: "x".repeat(6_000) };
  for (let sent = 0; sent < 10_000; sent += 1_000) {
    const { status } = await fetch(`${url}/v1/notifications`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(new Array(1_000).fill(item)),
    });
    expect(status).toBe(202);
  }
}

test("killed in the middle, a backup and a restore are never taken for whole, and the next goes through", async () => {
  const server = await place.serve(["--data-directory", "live"]);
  const key = keyIn(join(place.directory, "live"));
  // As much as takes longer to copy than to be killed.
  await fill(server.serving.url, key);
  const one = load(server.serving.url, key, "one");
  await one.until(30);
  for (const [verb, from, to, data] of [
    ["backup", "live", "kept", "carillon.db"],
    ["restore", "kept", "back", "carillon.db"],
  ] as const) {
    const args =
      verb === "backup" ? [verb, to, "--data-directory", from] : [verb, from, "--data-directory", to];
    const killed = place.run([...args, "--json"]);
    await killed.says(/"type":"progress"/);
    killed.child.kill("SIGKILL");
    expect((await killed.ended).signal).toBe("SIGKILL");
    expect(existsSync(join(place.directory, to))).toBe(false);
    expect(await place.done(args)).toMatchObject({ status: 0 });
    expect(existsSync(join(place.directory, to, data))).toBe(true);
    expect(existsSync(join(place.directory, `${to}.partial`))).toBe(false);
  }
  await one.stop();
});
