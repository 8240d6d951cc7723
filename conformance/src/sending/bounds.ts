/** Sections 1, 4 and 9: what is too much, or not what was asked for; and that the answer says where. */
import type { Accepted } from "@carillon/protocol/answers";
import type { Problem } from "@carillon/protocol/problems";
import { describe, expect, test } from "vitest";
import { requestWithoutBody } from "../client/raw.ts";
import { fresh, numbers, type Server, source } from "../server.ts";

const kilobyte = 1_024;
const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
const attributes = (count: number) => Object.fromEntries(numbers(count).map((at) => [`x${at}`, at]));

export function bounds(server: Server): void {
  const valid = (more: object = {}) => ({
    to: `user:${fresh()}`,
    source,
    id: fresh("n"),
    type: "test",
    ...more,
  });

  async function pointersOf(body: unknown): Promise<readonly (string | undefined)[]> {
    const { status, body: answer } = await server.send(body);
    expect(status, JSON.stringify(answer)).toBe(400);
    expect(answer).toMatchObject({ code: "body-invalid" });
    return ((answer as Problem).errors ?? []).map(({ pointer }) => pointer);
  }

  describe("what is taken just so", () => {
    test.each([
      ["an id of 256 characters", { id: "i".repeat(256) }],
      ["a type of 256", { type: "t".repeat(256) }],
      ["a subject of 256", { subject: "☃".repeat(256) }],
      ["a source of 256", { source: `/${"s".repeat(255)}` }],
      ["a collapse key of 128", { collapseKey: "c".repeat(128) }],
      ["data nested 64 deep", { data: nested(64) }],
      ["32 extension attributes", attributes(32)],
      ["an extension attribute of 1,024 characters", { ext: "e".repeat(1_024) }],
      ["a 32-bit integer", { ext: -(2 ** 31) }],
      ["63 KB of data", { data: "d".repeat(63 * kilobyte) }],
      ["a user's id of all characters", { to: "user:Az09._~@+:=-" }],
    ])("%s", async (_, more) => {
      const { status, body } = await server.send(valid(more));
      expect(status, JSON.stringify(body)).toBe(202);
    });

    test("100 recipients", async () => {
      const to = numbers(100).map(() => `user:${fresh()}`);
      const { status, body } = await server.send(valid({ to }));
      expect(status).toBe(202);
      expect((body as Accepted).receipts).toHaveLength(100);
    });

    test("1,000 notifications in one request", async () => {
      const to = `user:${fresh()}`;
      const { status } = await server.send(numbers(1_000).map(() => valid({ to })));
      expect(status).toBe(202);
    });
  });

  describe("what is refused, and where", () => {
    test.each([
      ["no recipient", { to: undefined }, "/to"],
      ["an empty list of recipients", { to: [] }, "/to"],
      ["a recipient that is no stream", { to: ["user:a", "nobody"] }, "/to/1"],
      ["a user's id with a slash", { to: "user:a/b" }, "/to"],
      ["a user's id of 129 characters", { to: `user:${"u".repeat(129)}` }, "/to"],
      ["an empty user's id", { to: "user:" }, "/to"],
      ["no type", { type: undefined }, "/type"],
      ["an empty type", { type: "" }, "/type"],
      ["a type that is no text", { type: 7 }, "/type"],
      ["an id of 257 characters", { id: "i".repeat(257) }, "/id"],
      ["a control character", { subject: "a\u0000b" }, "/subject"],
      ["a lone surrogate", { subject: "\ud800" }, "/subject"],
      ["a source that is no URI reference", { source: "a b" }, "/source"],
      ["a day that doesn't exist", { time: "2026-02-30T00:00:00Z" }, "/time"],
      ["a time without a zone", { time: "2026-02-03T00:00:00" }, "/time"],
      ["a duration of no unit", { expires: "10" }, "/expires"],
      ["a duration of zero", { expires: "0s" }, "/expires"],
      ["a collapse key of 129", { collapseKey: "c".repeat(129) }, "/collapseKey"],
      ["silent as text", { silent: "true" }, "/silent"],
      ["data nested 65 deep", { data: nested(65) }, `/data${"/0".repeat(64)}`],
      ["data beside data_base64", { data: 1, data_base64: "AA==" }, "/data_base64"],
      ["base64 without padding", { data_base64: "AA" }, "/data_base64"],
      ["an object where the data is text", { data: {}, datacontenttype: "text/plain" }, "/data"],
      ["33 extension attributes", attributes(33), ""],
      ["an extension attribute of 1,025 characters", { ext: "e".repeat(1_025) }, "/ext"],
      ["an extension attribute that is a list", { ext: [] }, "/ext"],
      ["an extension attribute beyond 32 bits", { ext: 2 ** 31 }, "/ext"],
      ["a member that isn't known", { collapsKey: "a" }, "/collapsKey"],
      ["a reserved name", { channels: "email" }, "/channels"],
      ["ephemeral with a receipt", { ephemeral: true, receipt: true }, "/receipt"],
      ["ephemeral with a collapse key", { ephemeral: true, collapseKey: "a" }, "/collapseKey"],
      ["ephemeral that expires", { ephemeral: true, expires: "1h" }, "/expires"],
    ])("%s", async (_, more, pointer) => {
      expect(await pointersOf(valid(more))).toContain(pointer);
    });

    test("a misspelt member comes with what was meant", async () => {
      const { body } = await server.send(valid({ collapsKey: "a" }));
      expect((body as Problem).errors?.[0]?.detail).toContain("collapseKey");
    });

    test("each place is named, 20 at most", async () => {
      expect(await pointersOf({ to: 1, type: 2, silent: 3 })).toEqual(
        expect.arrayContaining(["/to", "/type", "/silent"]),
      );
      const bad = Object.fromEntries(numbers(30).map((at) => [`x${at}`, []]));
      expect(await pointersOf(valid(bad))).toHaveLength(20);
    });

    test.each([
      ["101 recipients", { to: numbers(101).map((at) => `user:${at}`) }, 400, "recipients-too-many"],
      ["more than 64 KB", { data: "d".repeat(64 * kilobyte) }, 413, "notification-too-large"],
      ["more than 64 KB of UTF-8", { data: "☃".repeat(22 * kilobyte) }, 413, "notification-too-large"],
    ])("%s", async (_, more, status, code) => {
      expect(await server.send(valid(more))).toMatchObject({ status, body: { code } });
    });

    test("1,001 notifications in one request", async () => {
      const items = numbers(1_001).map(() => valid());
      const answer = { status: 413, body: { code: "batch-too-large" } };
      expect(await server.send(items)).toMatchObject(answer);
      const lines = items.map((item) => JSON.stringify(item)).join("\n");
      expect(await server.send(lines, { "content-type": "application/x-ndjson" })).toMatchObject(answer);
    });

    test("a body of more than 8 MB is answered, not cut off", async () => {
      const body = " ".repeat(8 * kilobyte * kilobyte + 1);
      const headers = { "content-type": "application/json" };
      for (const _ of numbers(5)) {
        expect(await server.send(body, headers)).toMatchObject({
          status: 413,
          body: { code: "body-too-large" },
        });
      }
    });

    test("a body of more than 8 MB, before it is sent", async () => {
      const headers = {
        authorization: `Bearer ${server.key}`,
        "content-type": "application/json",
        "content-length": 8 * kilobyte * kilobyte + 1,
      };
      const { status, text } = await requestWithoutBody("POST", `${server.url}/v1/notifications`, headers);
      expect(status).toBe(413);
      expect(JSON.parse(text)).toMatchObject({ code: "body-too-large" });
    });

    test.each([
      ["nothing", ""],
      ["no JSON", "{"],
      ["text after JSON", "{} x"],
      ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22)],
      ["a number", "17"],
      ["null", "null"],
    ])("%s as a body", async (_, body) => {
      const answer = await server.send(body, { "content-type": "application/json" });
      expect(answer).toMatchObject({ status: 400, body: { code: "body-invalid" } });
    });

    test.each([
      ["another media type", { "content-type": "application/xml" }],
      ["an encoding", { "content-type": "application/json", "content-encoding": "gzip" }],
    ])("%s", async (_, headers) => {
      const answer = await server.send("<a/>", headers);
      expect(answer).toMatchObject({ status: 415, body: { code: "media-type-unsupported" } });
    });

    test("a CloudEvent of another version, or one that isn't", async () => {
      const headers = { "content-type": "application/cloudevents+json" };
      const event = { ...valid(), specversion: "1.0" };
      for (const body of [
        { ...event, specversion: "0.3" },
        valid(),
        { ...event, id: "" },
        { ...event, to: [1] },
      ]) {
        expect(await server.send(body, headers)).toMatchObject({
          status: 400,
          body: { code: "body-invalid" },
        });
      }
    });
  });
}
