import { expect, test } from "vitest";
import { askAll, askSingle, askUpTo, lookOf } from "./marking.js";

const item = (stream: string, seq?: number, more = {}) => ({
  key: `${stream} ${seq}`,
  stream,
  event: { specversion: "1.0" as const, id: "1", source: "/", type: "t" },
  read: false,
  archived: false,
  ...(seq === undefined ? {} : { seq }),
  ...more,
});

test("single ones are asked for by stream, at most 256 a request, and taken back with undo", () => {
  const many = Array.from({ length: 300 }, (_, at) => item("user:42", at + 1));
  const { requests, waiting } = askSingle("read", [...many, item("topic:builds", 7)], false);
  expect(
    requests.map((request) => ("seqs" in request ? [request.stream, request.seqs.length] : null)),
  ).toEqual([
    ["user:42", 256],
    ["user:42", 44],
    ["topic:builds", 1],
  ]);
  expect(requests.every((request) => "undo" in request && request.undo === true)).toBe(true);
  expect(waiting.keys.size).toBe(301);
  expect(askSingle("archive", [item("user:42", 1)], true).requests).toEqual([
    { type: "archive", stream: "user:42", seqs: [1] },
  ]);
});

test("what has no place in a stream is asked of nobody", () => {
  expect(askSingle("archive", [item("user:42")], true).requests).toEqual([]);
});

test("from one down: in each stream up to its newest among them", () => {
  const below = [item("user:42", 9), item("topic:builds", 4), item("user:42", 8), item("user:42")];
  expect(askUpTo(below).requests).toEqual([
    { type: "read", stream: "user:42", upTo: 9 },
    { type: "read", stream: "topic:builds", upTo: 4 },
  ]);
});

test("all is one request, whatever the list has of it", () => {
  const asked = askAll([item("user:42", 2), item("user:42", 1, { read: true })]);
  expect(asked.requests).toEqual([{ type: "read", all: true }]);
  expect([...asked.waiting.keys]).toEqual(["user:42 2"]);
});

test("what waits is shown as asked for, the newest wins, and nothing is left of it afterwards", () => {
  const one = item("user:42", 1);
  const { waiting: read } = askSingle("read", [one], true);
  const { waiting: unread } = askSingle("read", [one], false);
  const { waiting: archived } = askSingle("archive", [one], true);
  expect(lookOf(one, [read])).toMatchObject({ read: true, archived: false, isWaiting: true });
  expect(lookOf(one, [read, unread, archived])).toMatchObject({ read: false, archived: true });
  expect(lookOf(one, [])).toEqual({ ...one, isWaiting: false });
});
