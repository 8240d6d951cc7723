import { expect, test } from "vitest";
import { type FrameReader, idOf, readFrames } from "./frames.ts";

function textFrame(text: string): Buffer {
  const body = Buffer.from(text);
  const head =
    body.length < 126
      ? Buffer.from([0x81, body.length])
      : Buffer.from([0x81, 126, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, body]);
}

const notification = (stream: string, seq: number, prev: number, id: number): Buffer =>
  textFrame(
    JSON.stringify({
      type: "notification",
      stream,
      seq,
      prev,
      event: { specversion: "1.0", id: idOf(id), source: "/bench", type: "t", data: { id: "x" } },
    }),
  );

const bytes = Buffer.concat([
  textFrame('{"type":"hello","cursor":"a"}'),
  notification("user:b17", 7, 6, 123_456),
  Buffer.from([0x89, 0]),
  notification("topic:news", 1, 0, 0),
  Buffer.from([0x88, 2, 0x0b, 0xb8]),
]);

function makeReader(): { readonly seen: unknown[]; readonly reader: FrameReader } {
  const seen: unknown[] = [];
  return {
    seen,
    reader: {
      notification: (taken) => seen.push({ ...taken }),
      other: ({ type }) => seen.push(type),
      ping: () => seen.push("ping"),
      closed: (code) => seen.push(code),
    },
  };
}

const all = [
  "hello",
  { topic: false, seq: 7, prev: 6, id: 123_456 },
  "ping",
  { topic: true, seq: 1, prev: 0, id: 0 },
  3_000,
];

test("frames are read in place, members and all", () => {
  const { seen, reader } = makeReader();
  expect(readFrames(bytes, bytes.length, reader)).toBe(bytes.length);
  expect(seen).toEqual(all);
});

test("wherever the bytes are cut, what is read is the same", () => {
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { seen, reader } = makeReader();
    const used = readFrames(bytes, cut, reader);
    const rest = bytes.subarray(used);
    expect(readFrames(rest, rest.length, reader)).toBe(rest.length);
    expect(seen).toEqual(all);
  }
});
