import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { EventSource } from "eventsource";
import { describe, expect, onTestFinished, test } from "vitest";
import { raiseStage, type Stage, tokenOf } from "./stage.ts";

const bearer = { authorization: `Bearer ${tokenOf("ada")}` };

/** Reads a stream's text until it ends, or until `enough` says so. */
async function readEvents(
  stage: Stage,
  query: string,
  headers: Record<string, string>,
  enough: (text: string) => boolean,
): Promise<{ answer: Response; text: string }> {
  const aborter = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${stage.port}/v1/events${query}`, {
    headers: { ...bearer, ...headers },
    signal: aborter.signal,
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body!) {
    text += decoder.decode(chunk, { stream: true });
    if (enough(text)) break;
  }
  aborter.abort();
  return { answer, text };
}

const lastId = (text: string): string => [...text.matchAll(/^id: (.+)$/gm)].at(-1)![1]!;
const dataOf = (text: string): unknown[] =>
  [...text.matchAll(/^event: notification\ndata: (.+)$/gm)].map(([, json]) => JSON.parse(json!).event.data);

describe("an event stream", () => {
  test("has the headers that keep caches and proxies out of the way", async () => {
    const stage = await raiseStage();
    const { answer, text } = await readEvents(stage, "", {}, (read) => read.includes("event: hello"));
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    expect(text).toMatch(/^retry: [1-5]\d{3}\n\nevent: hello\ndata: \{"type":"hello","user":"ada",/);
  });

  test("an id after each flush, and Last-Event-ID goes on behind it; it wins over ?cursor=", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", 1, 2);
    const caughtUp = (read: string): boolean =>
      /event: caught-up\n.*\n\n(event: .*\n.*\n\n)*id: .+\n\n$/.test(read);
    const { text } = await readEvents(stage, "", {}, caughtUp);
    expect(dataOf(text)).toEqual([1, 2]);
    await stage.send("user:ada", 3);
    const again = await readEvents(stage, "?cursor=", { "last-event-id": lastId(text) }, caughtUp);
    expect(dataOf(again.text)).toEqual([3]);
    const both = await readEvents(
      stage,
      `?cursor=${lastId(text)}`,
      { "last-event-id": lastId(again.text) },
      caughtUp,
    );
    expect(dataOf(both.text)).toEqual([]);
  });

  test("invariant 6: an EventSource that knows nothing of us loses nothing when it is cut, and goes on by itself", async () => {
    const stage = await raiseStage();
    const source = new EventSource(`http://127.0.0.1:${stage.port}/v1/events`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...bearer } }),
    });
    onTestFinished(() => source.close());
    const seen: unknown[] = [];
    let arrived = (): void => {};
    source.addEventListener("notification", ({ data }) => {
      seen.push(JSON.parse(data).event.data);
      arrived();
    });
    const until = (count: number): Promise<void> =>
      new Promise((resolve) => {
        arrived = () => {
          if (seen.length >= count) resolve();
        };
        arrived();
      });
    await stage.send("user:ada", "a", "b");
    await until(2);
    const reopened = new Promise<void>((resolve) =>
      source.addEventListener("open", () => resolve(), { once: true }),
    );
    stage.app.server.closeAllConnections();
    await stage.send("user:ada", "c");
    await reopened;
    await until(3);
    await stage.send("user:ada", "d");
    await until(4);
    expect(seen).toEqual(["a", "b", "c", "d"]);
  });

  test("what must not be repeated is refused by a problem before any stream", async () => {
    const stage = await raiseStage();
    for (const [query, headers, status, code] of [
      ["", { authorization: "" }, 401, "unauthenticated"],
      ["", { authorization: "Bearer forged" }, 401, "token-invalid"],
      ["?cursor=AAAA", {}, 400, "cursor-invalid"],
      ["", { "last-event-id": "x" }, 400, "cursor-invalid"],
      ["?device=a&device=b", {}, 400, "parameter-invalid"],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${stage.port}/v1/events${query}`, {
        headers: { ...bearer, ...headers },
      });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("content-type")).toContain("application/problem+json");
      expect(await answer.json()).toMatchObject({ code });
    }
    expect(stage.sessions.count()).toBe(0);
  });

  test("too many sessions: a problem; too many for the server: an error event, and come back", async () => {
    const stage = await raiseStage({ sessions: { perUser: 1, total: 2 } });
    const streams = new AbortController();
    onTestFinished(() => streams.abort());
    const open = (user: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${stage.port}/v1/events`, {
        headers: { authorization: `Bearer ${tokenOf(user)}` },
        signal: streams.signal,
      });
    expect((await open("ada")).status).toBe(200);
    const second = await open("ada");
    expect(second.status).toBe(429);
    expect(await second.json()).toMatchObject({ code: "too-many-sessions" });
    expect((await open("bob")).status).toBe(200);
    const third = await open("eve");
    expect(third.status).toBe(200);
    expect(await third.text()).toMatch(
      /^retry: \d+\n\nevent: error\ndata: \{"type":"error","code":"overloaded",/,
    );
  });

  test("ends with the reason when the server shuts down", async () => {
    const stage = await raiseStage();
    const answer = await fetch(`http://127.0.0.1:${stage.port}/v1/events`, { headers: bearer });
    await stage.sessions.stop();
    expect(await answer.text()).toMatch(
      /event: error\ndata: \{"type":"error","code":"draining","detail":".+"\}\n\n$/,
    );
  });

  test("goes on after a client's pause, in order", async () => {
    const stage = await raiseStage();
    const connected = once(stage.app.server, "connection") as Promise<[Socket]>;
    const asked = get(`http://127.0.0.1:${stage.port}/v1/events`, { headers: bearer });
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    onTestFinished(() => void asked.destroy());
    const [socket] = await connected;
    answer.setEncoding("utf8");
    let text = "";
    let waiting = (): void => {};
    answer.on("data", (chunk) => {
      text += chunk;
      waiting();
    });
    const until = (wanted: string): Promise<void> =>
      new Promise((resolve) => {
        waiting = () => {
          if (text.endsWith("\n\n") && text.slice(-100_000).includes(wanted)) resolve();
        };
        waiting();
      });
    await until("caught-up");
    answer.pause();
    let sent = 0;
    const padding = "x".repeat(50_000);
    for (; socket.writableLength === 0; sent++) await stage.send("user:ada", `${sent} ${padding}`);
    for (let more = 0; more < 20; more++, sent++) await stage.send("user:ada", `${sent} ${padding}`);
    answer.resume();
    await until(`"${sent - 1} xxx`);
    expect(dataOf(text).map((data) => Number.parseInt(data as string, 10))).toEqual(
      Array.from({ length: sent }, (_, at) => at),
    );
  });

  test("a client that is gone leaves nothing behind", async () => {
    const stage = await raiseStage();
    await readEvents(stage, "", {}, (read) => read.includes("event: caught-up"));
    while (stage.sessions.count() > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
