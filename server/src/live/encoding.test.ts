import type { Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as wsModule from "ws";
import { pollEncoding, sseEncoding, websocketEncoding } from "./encoding.ts";

// In the module, not in its types.
const { Receiver } = wsModule as unknown as {
  Receiver: new (options: { isServer: boolean; maxPayload: number }) => Writable;
};

/** What `ws`, as a client, makes of the bytes: the frames in their order. */
function received(bytes: Buffer): string[] {
  const receiver = new Receiver({ isServer: false, maxPayload: 0 });
  const frames: string[] = [];
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    frames.push(isBinary ? "binary" : data.toString()),
  );
  receiver.on("ping", (data: Buffer) => frames.push(`ping ${data.length}`));
  receiver.on("error", (error: Error) => frames.push(`error ${error.message}`));
  receiver.write(bytes);
  return frames;
}

const jsonOf = (value: unknown): string => JSON.stringify({ type: "notification", value });

describe("frames of a WebSocket", () => {
  test("are read by ws as they were meant, at each length of the header", () => {
    const around = [0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 70_000];
    const texts = around.map((length) => "x".repeat(length));
    expect(
      received(Buffer.concat(texts.map((text) => websocketEncoding.frame("notification", text)))),
    ).toEqual(texts);
  });

  test("property: any JSON text, any number of them in one write", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary", maxLength: 300 }), { maxLength: 20 }), (values) => {
        const frames = values.map(jsonOf);
        const bytes = Buffer.concat(frames.map((frame) => websocketEncoding.frame("notification", frame)));
        expect(received(bytes)).toEqual(frames);
      }),
    );
  });

  test("a heartbeat carries a ping of the protocol, which every client answers by itself", () => {
    expect(received(websocketEncoding.frame("ping", '{"type":"ping"}'))).toEqual([
      '{"type":"ping"}',
      "ping 0",
    ]);
  });

  test("a cursor is a frame", () => {
    expect(received(websocketEncoding.cursor("AbC-_")!)).toEqual(['{"type":"cursor","cursor":"AbC-_"}']);
  });
});

describe("events", () => {
  test("have a type, data and an end", () => {
    expect(sseEncoding.frame("gap", '{"type":"gap"}').toString()).toBe(
      'event: gap\ndata: {"type":"gap"}\n\n',
    );
  });

  test("a line break in the JSON doesn't end the data", () => {
    const frame = sseEncoding.frame("notification", '{\n"a":1,\r\n"b":2\r}').toString();
    expect(frame).toBe('event: notification\ndata: {\ndata: "a":1,\ndata: "b":2\ndata: }\n\n');
  });

  test("a cursor is a block with an id alone", () => {
    expect(sseEncoding.cursor("AbC-_")?.toString()).toBe("id: AbC-_\n\n");
  });
});

describe("a poll's frames", () => {
  test("are the items of an array", () => {
    const frames = [jsonOf(1), jsonOf("zwei")];
    const bytes = Buffer.concat(frames.map((frame) => pollEncoding.frame("notification", frame)));
    expect(JSON.parse(`[${bytes.subarray(1)}]`)).toEqual(frames.map((frame) => JSON.parse(frame)));
  });

  test("leave out what an answer says by itself", () => {
    expect(pollEncoding.frame("caught-up", '{"type":"caught-up"}')).toHaveLength(0);
    expect(pollEncoding.cursor("AbC")).toBeNull();
  });
});
