import type { AddressInfo } from "node:net";
import { CloudEvent, emitterFor, HTTP, httpTransport, Mode } from "cloudevents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kept, openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.app.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(() => stage.close());

const event = (to: string, id: string, more: object = {}) =>
  new CloudEvent({
    id,
    source: "/shop",
    type: "order.shipped",
    subject: "order 17",
    time: "2026-01-31T09:30:00Z",
    to,
    data: { title: "On its way €" },
    ...more,
  });

type Message = ReturnType<typeof HTTP.binary>;

const send = ({ headers, body }: Message) => stage.post(body as string, headers as Record<string, string>);

const stored = { status: "stored", seq: 1 };

describe("the official SDK", () => {
  test.each([
    ["binary", HTTP.binary],
    ["structured", HTTP.structured],
  ] as const)("%s: the event arrives as it was sent", async (mode, serialize) => {
    const to = `user:sdk-${mode}` as const;
    const answer = await send(serialize(event(to, "e-1", { silent: true, collapsekey: "k", mine: "x" })));
    expect(answer.statusCode).toBe(202);
    expect(answer.json()).toEqual({ id: "e-1", source: "/shop", receipts: [{ to, ...stored }] });
    const [row] = await kept(stage, to);
    expect(row?.event).toMatchObject({
      id: "e-1",
      source: "/shop",
      type: "order.shipped",
      subject: "order 17",
      data: { title: "On its way €" },
      silent: true,
      collapsekey: "k",
      mine: "x",
    });
    expect(new Date(row?.event.time).getTime()).toBe(Date.parse("2026-01-31T09:30:00Z"));
  });

  test("batch", async () => {
    const events = [event("user:sdk-batch", "e-1"), event("user:sdk-batch,user:sdk-other", "e-2")];
    const answer = await stage.post(events, {
      "content-type": "application/cloudevents-batch+json; charset=utf-8",
    });
    expect(answer.statusCode).toBe(202);
    expect(answer.json().results).toEqual([
      { id: "e-1", source: "/shop", receipts: [{ to: "user:sdk-batch", status: "stored", seq: 1 }] },
      {
        id: "e-2",
        source: "/shop",
        receipts: [
          { to: "user:sdk-batch", status: "stored", seq: 2 },
          { to: "user:sdk-other", status: "stored", seq: 1 },
        ],
      },
    ]);
  });

  test.each([Mode.BINARY, Mode.STRUCTURED])("its emitter over a socket, %s", async (mode) => {
    const { port } = stage.app.server.address() as AddressInfo;
    const emit = emitterFor(httpTransport(`http://127.0.0.1:${port}/v1/notifications`), { mode });
    const result = (await emit(event(`user:emitted-${mode}`, "e-1"), {
      headers: { authorization: stage.authorization },
    })) as { body: string };
    expect(JSON.parse(result.body).receipts).toEqual([{ to: `user:emitted-${mode}`, ...stored }]);
  });

  test("binary data", async () => {
    const bytes = new Uint8Array([0, 255, 128, 1]);
    const message = HTTP.binary(
      event("user:bytes", "e-1", { data: bytes, datacontenttype: "application/octet-stream" }),
    );
    await send({ ...message, body: Buffer.from(bytes) });
    expect((await kept(stage, "user:bytes"))[0]?.event).toMatchObject({
      datacontenttype: "application/octet-stream",
      data_base64: Buffer.from(bytes).toString("base64"),
    });
  });
});

const headers = (to: string, more: object = {}) => ({
  "ce-specversion": "1.0",
  "ce-id": "b-1",
  "ce-source": "/shop",
  "ce-type": "t",
  "ce-to": to,
  ...more,
});

describe("binary mode", () => {
  test("text stays text, an image becomes base64, nothing is no data", async () => {
    await stage.post("On its way", headers("user:text", { "content-type": "text/plain" }));
    expect((await kept(stage, "user:text"))[0]?.event).toMatchObject({
      data: "On its way",
      datacontenttype: "text/plain",
    });
    await stage.post(Buffer.from([137, 80]), headers("user:png", { "content-type": "image/png" }));
    expect((await kept(stage, "user:png"))[0]?.event.data_base64).toBe("iVA=");
    const none = await stage.inject({
      method: "POST",
      url: "/v1/notifications",
      headers: headers("user:none"),
    });
    expect(none.statusCode).toBe(202);
    expect((await kept(stage, "user:none"))[0]?.event).not.toHaveProperty("data");
  });

  test("routing as headers", async () => {
    const answer = await stage.post(
      "{}",
      headers("user:r1, user:r2", { "ce-expirytime": "2030-01-01T00:00:00Z", "ce-ephemeral": "false" }),
    );
    expect(answer.json().receipts).toHaveLength(2);
    const ephemeral = await stage.post("{}", headers("user:r3", { "ce-ephemeral": "true" }));
    expect(ephemeral.json().receipts).toEqual([{ to: "user:r3", status: "accepted", durable: false }]);
  });

  test.each([
    ["a percent sign out of place", { "ce-subject": "50%" }, "/subject"],
    ["another version", { "ce-specversion": "0.3" }, "/specversion"],
    ["a flag that is none", { "ce-silent": "yes" }, "/silent"],
    ["no type", { "ce-type": "" }, "/type"],
  ])("%s is refused with its place", async (_, more, pointer) => {
    const answer = await stage.post("{}", headers("user:bad", more));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });
});

test("invariant 5: one notification is the same in each form", async () => {
  const plain = {
    to: "user:forms",
    id: "f",
    source: "/shop",
    type: "order.shipped",
    subject: "Café 50%",
    time: "2026-01-31T09:30:00Z",
    data: { b: 1, a: [true, null] },
  };
  const given = { ...plain, specversion: "1.0" };
  const answers = [
    await stage.post(plain),
    await stage.post(given, { "content-type": "application/cloudevents+json" }),
    await stage.post('{"a":[true,null],"b":1}', {
      ...headers(plain.to),
      "ce-id": "f",
      "ce-type": plain.type,
      "ce-subject": "Caf%C3%A9%2050%25",
      "ce-time": plain.time,
    }),
    await stage.post(JSON.stringify(plain), { "content-type": "application/x-ndjson" }),
    await stage.post([given], { "content-type": "application/cloudevents-batch+json" }),
  ];
  const statuses = answers.map(
    (answer) => (answer.json().results?.[0] ?? answer.json()).receipts?.[0]?.status,
  );
  expect(statuses).toEqual(["stored", "duplicate", "duplicate", "duplicate", "duplicate"]);
});

test.each([
  ["application/cloudevents+json", "[]"],
  ["application/cloudevents-batch+json", "{}"],
  ["application/cloudevents+avro", "x"],
])("%s with a body of another shape is refused", async (type, body) => {
  const answer = await stage.post(body, { "content-type": type });
  expect([400, 415]).toContain(answer.statusCode);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
});
