import { expect, test } from "vitest";
import { connect, type Frame } from "./client.ts";
import { raiseStage, type Stage, tokenOf } from "./stage.ts";

async function poll({ port }: Stage, query: string) {
  const headers = { authorization: `Bearer ${tokenOf("ada")}` };
  return (await fetch(`http://127.0.0.1:${port}/v1/poll?${query}`, { headers })).json() as Promise<{
    cursor: string;
    frames: Frame[];
  }>;
}

test("invariant 7: what one client reads, the other sees, over the wire and after coming back", async () => {
  const stage = await raiseStage();
  await stage.send("user:ada", 1, 2, 3);
  const [phone, desk] = [connect(stage.port), connect(stage.port)];
  expect(await desk.next("hello")).toMatchObject({ unread: { total: 3, streams: { "user:ada": 3 } } });
  await phone.next("hello");
  phone.ws.send(JSON.stringify({ type: "read", ref: 1, stream: "user:ada", upTo: 2 }));
  expect(await phone.next("reply")).toEqual({ type: "reply", ref: 1, ok: true });
  expect(await desk.next("read")).toEqual({
    type: "read",
    stream: "user:ada",
    upTo: 2,
    except: [],
  });
  expect(await desk.next("unread")).toMatchObject({ total: 1, streams: { "user:ada": 1 }, rev: 1 });
  expect(await connect(stage.port).next("hello")).toMatchObject({ unread: { total: 1, rev: 1 } });
});

test("a poll is answered by a read: by one that comes meanwhile, and by one that its rev lacks", async () => {
  const stage = await raiseStage();
  await stage.send("user:ada", 1, 2);
  const { cursor } = await poll(stage, "");
  const phone = connect(stage.port);
  await phone.next("hello");
  const waiting = poll(stage, `cursor=${cursor}&wait=60&rev=0`);
  phone.ws.send(JSON.stringify({ type: "read", stream: "user:ada", upTo: 1 }));
  const told = { type: "unread", total: 1, rev: 1 };
  expect((await waiting).frames.at(-1)).toMatchObject(told);
  expect((await poll(stage, `cursor=${cursor}&wait=60&rev=0`)).frames).toMatchObject([told]);
  expect((await poll(stage, `cursor=${cursor}&wait=0&rev=1`)).frames).toEqual([]);
  expect(await poll(stage, "rev=-1")).toMatchObject({ code: "parameter-invalid" });
});
