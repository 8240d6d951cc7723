import fc from "fast-check";
import { expect, test } from "vitest";
import { makeEventParser, type ServerEvent } from "./event-stream.ts";

function parsed(pieces: readonly string[]) {
  const events: ServerEvent[] = [];
  const feed = makeEventParser((event) => events.push(event));
  for (const piece of pieces) feed(piece);
  return events;
}

const stream = [
  ": welcome",
  "event: hello",
  'data: {"type":"hello"}',
  "",
  "id: c1",
  "",
  'event: notification\r\ndata: {"a":\r\ndata:1}\r\n\r',
  "id",
  "data: no type",
  "",
  "event: cut short",
  "data: x",
].join("\n");

test("events are whole, comments and ids without data are none", () => {
  expect(parsed([stream])).toEqual([
    { type: "hello", data: '{"type":"hello"}' },
    { type: "notification", data: '{"a":\n1}' },
    { type: "message", data: "no type" },
  ]);
});

test("however the stream is cut, the events are the same", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length })), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const pieces = places.slice(1).map((end, at) => stream.slice(places[at], end));
      expect(parsed(pieces)).toEqual(parsed([stream]));
    }),
  );
});
