import { partOf } from "@carillon/protocol/partition";
import { expect, test } from "vitest";
import type { LogRecord } from "../driver.ts";
import { decodeRecord, describeRecord, encodeRecord } from "./record.ts";

const parts = 8;
const part = partOf("user:ada", parts);

const record: LogRecord = {
  stream: "user:ada",
  key: "k".repeat(22),
  digest: "d".repeat(22),
  silent: true,
  collapseKey: 'état "1"\n',
  expiresAt: 1_900_000_000_000,
  receipt: true,
  acceptedAt: 1_800_000_000_000.25,
  body: '{\n "data": "\u{1F514}\\n"}',
};

test.each<[string, LogRecord]>([
  ["everything", record],
  ["nothing", { ...record, silent: false, receipt: false, collapseKey: null, expiresAt: null }],
])("a record with %s comes back as it was", (_, sent) => {
  const { key, value } = encodeRecord(sent);
  expect(decodeRecord(key, value, part, parts)).toEqual(sent);
});

const { key, value } = encodeRecord(record);
const text = value.toString();

test.each<[string, Buffer | null, Buffer | null, RegExp]>([
  ["no key", null, value, /no key/],
  ["no value", key, null, /no value/],
  ["a key that is no stream", Buffer.from("ada"), value, /name of a stream/],
  ["a stream of another part", Buffer.from("user:bob"), value, /belongs to part/],
  ["one line", key, Buffer.from("hello"), /first line/],
  ["an endless first line", key, Buffer.from(`1${" ".repeat(9_000)}\n{}`), /first line/],
  ["a later version", key, Buffer.from(`2${text.slice(1)}`), /version/],
  ["a first line that isn't JSON", key, Buffer.from("1[\n{}"), /not JSON/],
  ["a first line that lacks something", key, Buffer.from('1["k"]\n{}'), /lacks/],
  [
    "a collapse key that nobody may send",
    key,
    encodeRecord({ ...record, collapseKey: "é".repeat(257) }).value,
    /lacks/,
  ],
  ["an empty collapse key", key, encodeRecord({ ...record, collapseKey: "" }).value, /lacks/],
  ["an event that isn't JSON", key, Buffer.from(`${text.split("\n")[0]}\n{"data":`), /event is not JSON/],
  ["bytes that aren't text", key, Buffer.concat([value, Buffer.from([0xff])]), /UTF-8/],
  ["too much", key, Buffer.from(`${text.split("\n")[0]}\n"${"x".repeat(140_000)}"`), /larger/],
])("a record with %s is refused with the reason", (_, itsKey, itsValue, reason) => {
  expect(decodeRecord(itsKey, itsValue, part, parts)).toMatch(reason);
});

test("what is kept of a refused record is bounded, and text where it is text", () => {
  expect(describeRecord(key, Buffer.from("hello"))).toBe('{"key":"user:ada","value":"hello"}');
  expect(describeRecord(null, Buffer.from([0xff, 0]))).toBe('{"key":null,"value":"base64:/wA="}');
  expect(describeRecord(key, Buffer.alloc(1 << 20, "x")).length).toBeLessThan(66_000);
});
