/** Sections 4 and 4.2: the forms in which notifications are sent. */
import type { Accepted, Batch } from "@carillon/protocol/answers";
import { describe, expect, test } from "vitest";
import { onlyEvent, received } from "../received.ts";
import { fresh, type Server, source } from "../server.ts";

const structured = { "content-type": "application/cloudevents+json" };
const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);

export function forms(server: Server): void {
  const event = (to: string, more: object = {}) => ({
    specversion: "1.0",
    id: fresh("n"),
    source,
    type: "test",
    to,
    ...more,
  });

  describe.each(["application/x-ndjson", "application/ndjson", "application/jsonl"])("%s", (mediaType) => {
    test("a notification a line, blank ones skipped, a broken one refused alone", async () => {
      const user = await server.user();
      const line = (data: number) =>
        JSON.stringify({ to: user.stream, source, id: fresh("n"), type: "test", data });
      const body = `${line(1)}\n\n${line(2)}\r\n{broken\n${line(3)}`;
      const { status, body: answer } = await server.send(body, { "content-type": mediaType });
      expect(status).toBe(207);
      const stored = await server.says("stored");
      expect((answer as Batch).results).toMatchObject([
        { receipts: [{ status: stored, seq: 1 }] },
        { receipts: [{ status: stored, seq: 2 }] },
        { status: "refused", error: { code: "body-invalid" } },
        { receipts: [{ status: stored, seq: 3 }] },
      ]);
    });
  });

  test("a parameter of the media type doesn't matter", async () => {
    const user = await server.user();
    const body = JSON.stringify(event(user.stream));
    for (const mediaType of [
      "application/json; charset=utf-8",
      "application/cloudevents+json;charset=UTF-8",
    ]) {
      expect((await server.send(body, { "content-type": mediaType })).status).toBe(202);
    }
  });

  test("a CloudEvent in structured mode, with routing in extension attributes", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const expirytime = new Date(Date.now() + 3_600_000).toISOString();
    const sent = event(`${user.stream},${other.stream}`, {
      expirytime,
      collapsekey: "k",
      silent: "true",
      receipt: true,
      ephemeral: "false",
      subject: null,
      shard: 3,
      data: { a: 1 },
    });
    const { status, body } = await server.send(sent, structured);
    expect(status).toBe(202);
    expect((body as Accepted).receipts.map(({ to }) => to)).toEqual([user.stream, other.stream]);
    const got = await onlyEvent(server, other);
    expect(got).toMatchObject({
      id: sent.id,
      collapsekey: "k",
      silent: true,
      receipt: true,
      shard: 3,
      data: { a: 1 },
    });
    expect(Date.parse(got["expirytime"] as string)).toBe(Date.parse(expirytime));
    expect(got).not.toHaveProperty("subject");
    expect(got).not.toHaveProperty("to");
  });

  test("an object with a specversion is a CloudEvent in the plain form too", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const { status } = await server.send([event(`${user.stream},${other.stream}`, { data: 1 })]);
    expect(status).toBe(202);
    expect((await onlyEvent(server, other))["data"]).toBe(1);
  });

  test("a batch of CloudEvents", async () => {
    const user = await server.user();
    const items = [event(user.stream, { data: 1 }), event(user.stream, { data: 2 })];
    const headers = { "content-type": "application/cloudevents-batch+json" };
    const { status, body } = await server.send(items, headers);
    expect(status).toBe(202);
    expect((body as Batch).results).toHaveLength(2);
    expect((await received(server, user, 2)).map((frame) => frame.event["data"])).toEqual([1, 2]);
  });

  describe("a CloudEvent in binary mode", () => {
    const binary = (to: string, more: Record<string, string>) => ({
      "ce-specversion": "1.0",
      "ce-id": fresh("n"),
      "ce-source": source,
      "ce-type": "test",
      "ce-to": to,
      ...more,
    });

    test.each([
      ["JSON", "application/json", '{"a":[1]}', { data: { a: [1] } }],
      ["a JSON type", "application/vnd.shop+json; charset=utf-8", "17", { data: 17 }],
      ["text", "text/plain; charset=utf-8", "schöne ☃", { data: "schöne ☃" }],
      ["XML", "application/xml", "<a>ü</a>", { data: "<a>ü</a>" }],
      ["bytes", "application/octet-stream", bytes, { data_base64: Buffer.from(bytes).toString("base64") }],
      ["an image", "image/png", bytes, { data_base64: Buffer.from(bytes).toString("base64") }],
    ])("%s", async (_, mediaType, body, expected) => {
      const user = await server.user();
      const { status } = await server.send(body, binary(user.stream, { "content-type": mediaType }));
      expect(status).toBe(202);
      expect(await onlyEvent(server, user)).toMatchObject({ ...expected, datacontenttype: mediaType });
    });

    test("an empty body is no data", async () => {
      const user = await server.user();
      expect((await server.send("", binary(user.stream, { "content-type": "text/plain" }))).status).toBe(202);
      const got = await onlyEvent(server, user);
      expect(got).not.toHaveProperty("data");
      expect(got).not.toHaveProperty("data_base64");
    });

    test("header values are percent-encoded", async () => {
      const user = await server.user();
      const headers = binary(user.stream, { "ce-subject": "Caf%C3%A9%20%25", "ce-silent": "true" });
      await server.send("x", { ...headers, "content-type": "text/plain" });
      expect(await onlyEvent(server, user)).toMatchObject({ subject: "Café %", silent: true });
    });

    test("a missing attribute is refused, by its name in the event", async () => {
      for (const name of ["id", "source", "type", "to"]) {
        const { [`ce-${name}`]: _, ...headers } = binary("user:1", {}) as Record<string, string>;
        const { status, body } = await server.send("x", { ...headers, "content-type": "text/plain" });
        expect(status).toBe(400);
        expect(body).toMatchObject({ code: "body-invalid", errors: [{ pointer: `/${name}` }] });
      }
    });
  });

  describe("data in the plain form", () => {
    test.each([
      ["an object", { data: { a: { b: null } } }],
      ["null", { data: null }],
      ["false", { data: false }],
      ["a number", { data: 1.5e300 }],
      ["text", { data: '☃ \u2028 \\ "', datacontenttype: "text/plain" }],
      ["JSON text of a JSON type", { data: "text", datacontenttype: "application/json" }],
      ["bytes", { data_base64: Buffer.from(bytes).toString("base64"), datacontenttype: "image/png" }],
    ])("%s arrives as it was sent", async (_, data) => {
      const user = await server.user();
      const { status } = await server.send({ to: user.stream, source, id: fresh(), type: "test", ...data });
      expect(status).toBe(202);
      expect(await onlyEvent(server, user)).toMatchObject(data);
    });

    test("without data there is none", async () => {
      const user = await server.user();
      await server.send({ to: user.stream, source, id: fresh(), type: "test" });
      expect(await onlyEvent(server, user)).not.toHaveProperty("data");
    });
  });
}
