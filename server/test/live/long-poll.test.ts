import { describe, expect, test } from "vitest";
import { dataOf, type Frame } from "./client.ts";
import { raiseStage, type Stage, tokenOf } from "./stage.ts";

const headers = { authorization: `Bearer ${tokenOf("ada")}` };

interface Answer {
  readonly cursor: string;
  readonly frames: Frame[];
}

async function poll(stage: Stage, query: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
  const url = `http://127.0.0.1:${stage.port}/v1/poll?${new URLSearchParams(query)}`;
  const answer = await fetch(url, { headers, ...(signal ? { signal } : {}) });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  return (await answer.json()) as Answer;
}

const shown = ({ frames }: Answer): unknown[] =>
  frames.filter(({ type }) => type === "notification").map(dataOf);

describe("a poll", () => {
  test("answers at once with what was missed, and its cursor goes on behind that", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", 1, 2);
    const first = await poll(stage, {});
    expect(first.frames.map(({ type, seq, prev }) => [type, prev, seq])).toEqual([
      ["notification", 0, 1],
      ["notification", 1, 2],
    ]);
    await stage.send("user:ada", 3);
    const second = await poll(stage, { cursor: first.cursor });
    expect(shown(second)).toEqual([3]);
    expect(second.frames[0]).toMatchObject({ prev: 2, seq: 3 });
  });

  test("waits for what comes", async () => {
    const stage = await raiseStage();
    const waiting = poll(stage, { wait: "20" });
    while (stage.sessions.count() === 0) await new Promise((resolve) => setImmediate(resolve));
    await stage.send("user:ada", "now");
    const answer = await waiting;
    expect(shown(answer)).toEqual(["now"]);
    expect(shown(await poll(stage, { cursor: answer.cursor, wait: "0" }))).toEqual([]);
    expect(stage.sessions.count()).toBe(0);
  });

  test("with nothing to tell, answers after its wait with a cursor that still works", async () => {
    const stage = await raiseStage();
    const { cursor, frames } = await poll(stage, { wait: "0" });
    expect(frames).toEqual([]);
    await stage.send("user:ada", "later");
    expect(shown(await poll(stage, { cursor, wait: "0.001" }))).toEqual(["later"]);
    expect(stage.sessions.count()).toBe(0);
  });

  test("invariant 3: many missed come in several answers, without a hole or a repeat", async () => {
    const stage = await raiseStage({ sessions: { bufferBytes: 16_384 } });
    const sent = Array.from({ length: 700 }, (_, at) => at);
    await stage.send("user:ada", ...sent);
    const seen: unknown[] = [];
    let query: Record<string, string> = {};
    let answers = 0;
    while (seen.length < sent.length) {
      const answer = await poll(stage, query);
      expect(answer.frames.length).toBeGreaterThan(0);
      seen.push(...shown(answer));
      query = { cursor: answer.cursor };
      answers++;
    }
    expect(seen).toEqual(sent);
    expect(answers).toBeGreaterThan(1);
    expect(answers).toBeLessThan(8);
  });

  test("an answer is bounded: large ones come in several", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", ...Array.from({ length: 40 }, () => "x".repeat(60_000)));
    let left = 40;
    let query: Record<string, string> = {};
    while (left > 0) {
      const answer = await poll(stage, query);
      expect(answer.frames.length).toBeLessThanOrEqual(20);
      left -= answer.frames.length;
      query = { cursor: answer.cursor };
    }
    expect(left).toBe(0);
  });

  test("a client that goes away ends its session", async () => {
    const stage = await raiseStage();
    const aborter = new AbortController();
    const gone = poll(stage, { wait: "60" }, aborter.signal).catch((error: Error) => error.name);
    while (stage.sessions.count() === 0) await new Promise((resolve) => setImmediate(resolve));
    aborter.abort();
    expect(await gone).toBe("AbortError");
    while (stage.sessions.count() > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("while the server shuts down, it is told to come back", async () => {
    const stage = await raiseStage();
    const waiting = fetch(`http://127.0.0.1:${stage.port}/v1/poll?wait=60`, { headers });
    while (stage.sessions.count() === 0) await new Promise((resolve) => setImmediate(resolve));
    await stage.sessions.stop();
    const answer = await waiting;
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toMatchObject({ code: "draining" });
    expect((await fetch(`http://127.0.0.1:${stage.port}/v1/poll`, { headers })).status).toBe(503);
  });

  test("is refused with a problem", async () => {
    const stage = await raiseStage();
    for (const [query, status, code] of [
      ["wait=soon", 400, "parameter-invalid"],
      ["wait=-1", 400, "parameter-invalid"],
      ["wait=1&wait=2", 400, "parameter-invalid"],
      ["cursor=AAAA", 400, "cursor-invalid"],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${stage.port}/v1/poll?${query}`, { headers });
      expect([answer.status, ((await answer.json()) as Frame)["code"]]).toEqual([status, code]);
    }
    expect((await fetch(`http://127.0.0.1:${stage.port}/v1/poll`)).status).toBe(401);
    expect(stage.sessions.count()).toBe(0);
  });
});
