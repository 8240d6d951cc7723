import { expect, test } from "vitest";
import { connect, type WebSocketClient } from "./client.ts";
import { raiseStage, tokenOf } from "./stage.ts";

let refs = 0;
/** Says it and resolves with its reply. */
async function ask(client: WebSocketClient, frame: object): Promise<Record<string, unknown>> {
  const ref = ++refs;
  client.ws.send(JSON.stringify({ ...frame, ref }));
  for (;;) {
    const reply = await client.next("reply");
    if (reply["ref"] === ref) return reply;
  }
}

test("followed, published to and left over the socket; the other tab learns of it", async () => {
  const stage = await raiseStage();
  const { directory } = stage.store;
  await directory.putTopic("chat", "user:ada", {
    subscribe: "open",
    publish: "subscribers",
    active: true,
    keepMs: null,
  });
  const ada = connect(stage.port);
  const [bo, boToo] = [1, 2].map(() => connect(stage.port, { token: tokenOf("bo") })) as [
    WebSocketClient,
    WebSocketClient,
  ];
  for (const client of [ada, bo, boToo]) await client.next("caught-up");

  expect(await ask(bo, { type: "subscribe", topic: "chat" })).toMatchObject({ ok: true });
  expect(bo.frames.at(-3)).toEqual({ type: "subscribe", stream: "topic:chat", seq: 0 });
  expect(await boToo.next("subscribe")).toMatchObject({ stream: "topic:chat" });
  const notification = { id: "1", type: "said", data: "hello" };
  const sent = await ask(ada, { type: "send", topic: "chat", notification });
  expect(sent).toMatchObject({
    ok: true,
    id: "1",
    source: "/users/ada",
    receipts: [{ to: "topic:chat", status: "stored", seq: 1 }],
  });
  for (const client of [bo, boToo]) {
    expect(await client.next("notification")).toMatchObject({
      stream: "topic:chat",
      seq: 1,
      prev: 0,
      event: { source: "/users/ada", data: "hello" },
    });
  }
  expect(
    await ask(bo, { type: "send", topic: "chat", notification: { type: "said", data: "hi" } }),
  ).toMatchObject({
    ok: true,
    source: "/users/bo",
  });
  await bo.next("notification");

  expect(await ask(bo, { type: "unsubscribe", topic: "chat" })).toMatchObject({ ok: true });
  const heard = bo.frames.length;
  await ask(ada, { type: "send", topic: "chat", notification: { type: "said", data: "gone?" } });
  await stage.send("user:bo", "after");
  expect(await bo.data(1)).toEqual(["after"]);
  expect(bo.frames.slice(heard).filter(({ stream }) => stream === "topic:chat")).toEqual([]);
  expect(await ask(bo, { type: "unsubscribe", topic: "chat" })).toMatchObject({
    ok: false,
    error: { code: "subscriber-not-found" },
  });
});

test("what is refused over the socket is answered as a request is, and the session goes on", async () => {
  const stage = await raiseStage();
  const { directory } = stage.store;
  await directory.putTopic("shut", "user:ada");
  await directory.subscribe("shut", ["cy"], 256);
  const [ada, eve] = [connect(stage.port), connect(stage.port, { token: tokenOf("eve") })];
  await eve.next("hello");
  const send = (client: WebSocketClient, topic: string, notification: object) =>
    ask(client, { type: "send", topic, notification });
  for (const topic of ["shut", "none"]) {
    const refused = {
      ok: false,
      error: { code: "topic-not-found", detail: `there is no topic ${topic}` },
    };
    expect(await ask(eve, { type: "subscribe", topic })).toMatchObject(refused);
    expect(await send(eve, topic, { type: "t" })).toMatchObject(refused);
  }
  expect(await send(ada, "shut", {})).toMatchObject({ ok: false, error: { code: "body-invalid" } });
  expect(await send(ada, "shut", { type: "t", source: "/users/eve" })).toMatchObject({
    ok: false,
    error: { code: "source-forbidden" },
  });
  expect(await send(ada, "shut", { type: "t", to: ["user:cy", "user:eve"] })).toMatchObject({
    ok: false,
    error: { code: "subscriber-not-found" },
    receipts: [
      { to: "user:cy", status: "stored" },
      { to: "user:eve", status: "refused" },
    ],
  });
  await directory.changeTopic("shut", { active: false });
  expect(await ask(ada, { type: "ping" })).toMatchObject({ ok: true });
  for (const frame of [
    { type: "subscribe" },
    { type: "subscribe", topic: "a b" },
    { type: "unsubscribe", topic: 7 },
    { type: "send", topic: "shut" },
    { type: "send", topic: "shut", notification: [] },
    { type: "send", notification: {} },
  ]) {
    const wild = connect(stage.port);
    await wild.next("hello");
    wild.ws.send(JSON.stringify(frame));
    expect((await wild.closed).code, JSON.stringify(frame)).toBe(3503);
  }
});
