import { closeCodes } from "@carillon/protocol/close-codes";
import { describe, expect, onTestFinished, test } from "vitest";
import { connect, refused } from "./client.ts";
import { connectRaw } from "./raw.ts";
import { raiseStage, type Stage, tokenOf } from "./stage.ts";

const code = (reason: keyof typeof closeCodes): number => closeCodes[reason].code;

async function get(stage: Stage, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  return fetch(`http://127.0.0.1:${stage.port}${path}`, { headers, signal: stop.signal });
}
const bearer = (user: string) => ({ authorization: `Bearer ${tokenOf(user)}` });

/** A session is gone when its connection is. */
async function left(stage: Stage, count: number): Promise<void> {
  while (stage.sessions.count() > count) await new Promise(setImmediate);
  expect(stage.sessions.count()).toBe(count);
}

async function firstText(response: Response): Promise<string> {
  const { value } = await response.body!.getReader().read();
  return new TextDecoder().decode(value);
}

describe("a revoked token", () => {
  test("ends its user's sessions at once, on every transport, and nobody else's", async () => {
    const stage = await raiseStage();
    const [socket, other] = [connect(stage.port), connect(stage.port, { token: tokenOf("bob") })];
    await Promise.all([socket.next("caught-up"), other.next("caught-up")]);
    const stream = await get(stage, "/v1/events", bearer("ada"));
    const poll = get(stage, `/v1/poll?wait=30&cursor=${socket.frames[0]!["cursor"]}`, bearer("ada"));
    while (stage.sessions.count() < 4) await new Promise(setImmediate);
    stage.revoke("ada");
    expect((await socket.closed).code).toBe(code("token-revoked"));
    expect(await stream.text()).toContain('"code":"token-revoked"');
    const answer = await poll;
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: "token-revoked" }]);
    await left(stage, 1);
    await stage.send("user:bob", "still here");
    expect(await other.data(1)).toEqual(["still here"]);
  });

  test("opens nothing, although it was looked at before it was revoked", async () => {
    const stage = await raiseStage();
    stage.revoke("ada");
    expect((await connect(stage.port).closed).code).toBe(code("token-revoked"));
    await left(stage, 0);
  });
});

describe("a ticket in the URL", () => {
  test.each(["/v1/events", "/v1/poll"])("opens %s once", async (path) => {
    const stage = await raiseStage();
    const url = `${path}?ticket=ticket-ada-1&wait=0`;
    expect((await get(stage, url)).status).toBe(200);
    const again = await get(stage, url);
    expect([again.status, await again.json()]).toMatchObject([401, { code: "ticket-invalid" }]);
    expect((await get(stage, `${path}?ticket=ticket-ada-2&ticket=ticket-ada-3`)).status).toBe(401);
  });

  test("opens a WebSocket once, and its refusal is a close code that a page can see", async () => {
    const stage = await raiseStage();
    const wanted = { token: null, query: "?ticket=ticket-ada-1" };
    expect(await connect(stage.port, wanted).next("hello")).toMatchObject({ user: "ada" });
    expect((await connect(stage.port, wanted).closed).code).toBe(code("ticket-invalid"));
  });

  test("is left alone where there is a token", async () => {
    const stage = await raiseStage();
    const hello = await connect(stage.port, { query: "?ticket=ticket-bob-1" }).next("hello");
    expect(hello).toMatchObject({ user: "ada" });
    expect(
      await connect(stage.port, { token: null, query: "?ticket=ticket-bob-1" }).next("hello"),
    ).toMatchObject({
      user: "bob",
    });
  });
});

describe("origins", () => {
  test("a WebSocket of a page of another origin is refused, the server's own are not", async () => {
    const stage = await raiseStage();
    const evil = await refused(stage.port, { origin: "https://evil.example" });
    expect(evil).toMatchObject({ status: 403, body: { code: "origin-forbidden" } });
    await connect(stage.port, { origin: "https://app.example" }).next("hello");
    await connect(stage.port, { origin: `http://127.0.0.1:${stage.port}` }).next("hello");
  });
});

describe("more that arrive than are let in", () => {
  test("a WebSocket is refused with 503 and a time to come back, a poll is not", async () => {
    const stage = await raiseStage({ sessionsPerSecond: 1 });
    await connect(stage.port).next("hello");
    await connect(stage.port).next("hello");
    const { status, body } = await refused(stage.port, {});
    expect({ status, body }).toMatchObject({ status: 503, body: { code: "overloaded" } });
    expect(body["retryMs"]).toBeGreaterThanOrEqual(1_000);
    expect(stage.closed).toContain("deferred");
    expect((await get(stage, "/v1/poll?wait=0", bearer("ada"))).status).toBe(200);
  });

  test("one whose token comes in its first frame is told by the close code", async () => {
    const stage = await raiseStage({ sessionsPerSecond: 1 });
    await connect(stage.port).next("hello");
    await connect(stage.port).next("hello");
    const late = connect(stage.port, { token: null });
    late.ws.on("open", () => late.ws.send(JSON.stringify({ type: "auth", token: tokenOf("ada") })));
    expect((await late.closed).code).toBe(code("overloaded"));
  });

  test("strangers take nobody's place", async () => {
    const stage = await raiseStage({ sessionsPerSecond: 1 });
    for (let at = 0; at < 5; at++) expect((await refused(stage.port, { token: "forged" })).status).toBe(401);
    await connect(stage.port, { token: null, query: "?ticket=forged" }).closed;
    await connectRaw(stage.port, null);
    await connect(stage.port).next("hello");
    await connect(stage.port).next("hello");
  });

  test("an event stream is told in its own way, because a 503 would silence it for ever", async () => {
    const stage = await raiseStage({ sessionsPerSecond: 1 });
    await connect(stage.port).next("hello");
    await connect(stage.port).next("hello");
    const answer = await get(stage, "/v1/events", bearer("ada"));
    expect(answer.status).toBe(200);
    expect(await firstText(answer)).toMatch(/^retry: [1-9]\d{3}/);
  });
});

describe("one address", () => {
  test("doesn't take all places of sockets that wait for their tokens", async () => {
    const stage = await raiseStage({ limits: { unauthenticated: 10, unauthenticatedPerAddress: 1 } });
    const first = await connectRaw(stage.port, null);
    expect((await refused(stage.port, { token: null })).status).toBe(503);
    first.socket.destroy();
    await first.closed;
    const again = connect(stage.port, { token: null });
    await new Promise<void>((resolve) => again.ws.on("open", () => resolve()));
  });
});

describe("a user's rate", () => {
  test("holds for who connects, over each transport, and says to come back", async () => {
    const stage = await raiseStage({ rates: { userRequestsPerSecond: 1 } });
    await Promise.all([1, 2].map(() => connect(stage.port).next("hello")));
    expect(await refused(stage.port, {})).toMatchObject({ status: 429, body: { code: "rate-limited" } });
    const inBand = connect(stage.port, { token: null });
    inBand.ws.on("open", () => inBand.ws.send(JSON.stringify({ type: "auth", token: tokenOf("ada") })));
    expect((await inBand.closed).code).toBe(code("overloaded"));
    const stream = await get(stage, "/v1/events", bearer("ada"));
    expect([stream.status, await stream.text()]).toEqual([
      200,
      expect.stringContaining('"code":"overloaded"'),
    ]);
    await connect(stage.port, { token: tokenOf("bob") }).next("hello");
  });

  test("counts frames that read, over all of the user's sockets, and answers what is too much", async () => {
    const stage = await raiseStage({ rates: { userRequestsPerSecond: 2 } });
    await stage.send("user:ada", 1);
    const [one, two] = [connect(stage.port), connect(stage.port)];
    await Promise.all([one.next("caught-up"), two.next("caught-up")]);
    for (let ref = 0; ref < 5; ref++) {
      const socket = ref % 2 === 0 ? one : two;
      socket.ws.send(JSON.stringify({ type: "read", ref, stream: "user:ada", upTo: 1 }));
    }
    for (const socket of [one, two]) socket.ws.send(JSON.stringify({ type: "ping", ref: 99 }));
    const replies: unknown[] = [];
    while (!replies.includes(99)) replies.push((await one.next("reply"))["ref"]);
    const refusedFrames = [...one.frames, ...two.frames].filter(
      ({ type, error }) => type === "reply" && (error as { code?: string })?.code === "rate-limited",
    );
    expect(refusedFrames.length).toBeGreaterThan(0);
    expect(stage.closed).toContain("user-requests");
    one.ws.send(JSON.stringify({ type: "read", stream: "user:ada", upTo: 1 }));
    expect(await one.next("error")).toMatchObject({ code: "rate-limited" });
    expect(stage.sessions.count()).toBe(2);
  });
});
