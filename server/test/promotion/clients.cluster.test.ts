/** A whole deployment before and after: what a client and a producer hold, they go on with. */
import type { NotificationFrame } from "@carillon/protocol/frames";
import { expect, onTestFinished, test } from "vitest";
import { ask, json, must, tokenFor } from "../bad-days/ask.ts";
import { makeDirectory, type ServerProcess, spawnServer, startServer } from "../bad-days/server-process.ts";
import { makeDatabases } from "../store/postgres-stage.ts";
import { runPromote } from "./command.ts";

const send = async (url: string, apiKey: string, to: string, id: string, text = id): Promise<string> => {
  const body = { to: [to], source: "/shop", id, type: "order.shipped", data: { text }, receipt: true };
  const answer = await ask(`${url}/v1/notifications`, { ...json(body), bearer: apiKey });
  const { receipts } = answer!.json as { receipts?: { status: string; seq: number }[] };
  return receipts === undefined
    ? `refused with ${answer!.status}`
    : `${receipts[0]!.status} ${receipts[0]!.seq}`;
};

interface Polled {
  readonly cursor: string;
  readonly frames: readonly { readonly type: string }[];
}

const poll = async (url: string, token: string, cursor: string | null, wait = 0): Promise<Polled> => {
  const query = cursor === null ? "" : `&cursor=${cursor}`;
  return (await must(200, `${url}/v1/poll?wait=${wait}${query}`, { bearer: token })).json as Polled;
};

const shown = ({ frames }: Polled): string[] =>
  frames
    .filter(({ type }) => type === "notification")
    .map((frame) => {
      const { stream, seq, prev, event } = frame as NotificationFrame;
      return `${stream} ${prev} ${seq} ${event.id}`;
    });

/** An answer comes as soon as there is something, of one stream or of all. */
async function pollFor(count: number, url: string, token: string, from: string): Promise<string[]> {
  const all: string[] = [];
  let cursor = from;
  while (all.length < count) {
    const answer = await poll(url, token, cursor, 10);
    all.push(...shown(answer));
    cursor = answer.cursor;
  }
  return all;
}

const unread = async (url: string, token: string): Promise<unknown> => {
  const { total, streams, rev } = (await must(200, `${url}/v1/unread`, { bearer: token })).json as {
    total: number;
    streams: object;
    rev: number;
  };
  return { total, streams, rev };
};

async function stopped(server: ServerProcess): Promise<void> {
  expect(await server.kill("SIGTERM")).toMatchObject({ code: 0 });
}

test("invariants 4, 5, 6 and 7: cursors, tokens, keys, ids and counts from before are good after", {
  timeout: 180_000,
}, async () => {
  const databases = await makeDatabases(1);
  onTestFinished(() => databases.remove());
  const directory = makeDirectory();
  const before = await startServer({ directory, flags: ["--drain-window", "0s"] });
  const { apiKey } = before;
  const token = await tokenFor(before, "42");
  await must(201, `${before.url}/v1/topics/builds`, { ...json({}), method: "PUT", bearer: apiKey });
  const subscribers = `${before.url}/v1/topics/builds/subscribers`;
  await must(204, `${subscribers}/42`, { ...json({}), method: "PUT", bearer: apiKey });
  for (const id of ["a", "b", "c"]) await send(before.url, apiKey, "user:42", id);
  const { cursor } = await poll(before.url, token, null);
  await must(200, `${before.url}/v1/read`, { ...json({ stream: "user:42", upTo: 2 }), bearer: token });
  for (const id of ["d", "e"]) await send(before.url, apiKey, "user:42", id);
  await send(before.url, apiKey, "topic:builds", "green");
  const missed = await pollFor(3, before.url, token, cursor);
  const counts = await unread(before.url, token);
  await stopped(before);

  const environment = { CARILLON_POSTGRES_URL: databases.urls[0]! };
  const forgetful = spawnServer({ directory, environment });
  expect((await forgetful.exit).code).toBe(1);
  expect(forgetful.said.join("\n")).toContain("holds data of its own");

  const promoted = await runPromote({ args: ["--data-directory", directory], environment });
  expect(promoted).toMatchObject({ status: 0, ended: { is: "done" } });

  const secret = ["--token-secret-file", `${directory}/signing.key`];
  const flags = ["--drain-window", "0s", ...secret];
  const { url } = await startServer({ directory: makeDirectory(), flags, environment });
  expect(missed).toEqual(["user:42 3 4 d", "user:42 4 5 e", "topic:builds 0 1 green"]);
  expect(await pollFor(3, url, token, cursor)).toEqual(missed);
  expect(await unread(url, token)).toEqual(counts);
  expect(await send(url, apiKey, "user:42", "d")).toBe("duplicate 4");
  expect(await send(url, apiKey, "user:42", "d", "other")).toMatch(/conflict 4|refused with 409/);
  expect(await send(url, apiKey, "user:42", "f")).toBe("stored 6");
  expect(await send(url, apiKey, "topic:builds", "red")).toBe("stored 2");
  const everything = await pollFor(5, url, token, cursor);
  expect(everything.toSorted()).toEqual([...missed, "user:42 5 6 f", "topic:builds 1 2 red"].toSorted());

  const old = spawnServer({ directory });
  expect(await old.serving).toBeNull();
  expect((await old.exit).code).toBe(1);
  expect(old.said.join("\n")).toContain("was promoted to postgres://");
  const accepted = await startServer({ directory, flags: ["--drain-window", "0s", "--accept-restore"] });
  const { frames } = await poll(accepted.url, token, cursor, 10);
  expect(frames[0]).toMatchObject({ type: "gap", reason: expect.any(String) });
});
