/**
 * A notification as a Kafka record, readable with any Kafka tool: the key is the stream's name, the value a version
 * and a line of JSON with what the log itself needs, then the event as the receiver wrote it:
 *
 *     1["<key>","<digest>",<flags>,<collapseKey>,<expiresAt>,<acceptedAt>]
 *     {"specversion":"1.0",...}
 *
 * The event isn't written again: putting it into a JSON string would cost both sides a pass over it.
 */
import { isUtf8 } from "node:buffer";
import { limits } from "@carillon/protocol/limits";
import { partOf } from "@carillon/protocol/partition";
import { isStreamName } from "@carillon/protocol/stream";
import type { LogRecord } from "../driver.ts";

const version = "1";
const silentFlag = 1;
const receiptFlag = 2;
const newline = 0x0a;
const headSizeBytes = 8_192;
/** The receiver holds events to the protocol's bound; what is far beyond it wasn't written by one. */
const bodySizeBytes = limits.notificationSizeBytes * 2;
const identity = /^[A-Za-z0-9_-]{22}$/;

export interface Encoded {
  readonly key: Buffer;
  readonly value: Buffer;
}

export function encodeRecord(record: LogRecord): Encoded {
  const flags = (record.silent ? silentFlag : 0) | (record.receipt ? receiptFlag : 0);
  const head = [record.key, record.digest, flags, record.collapseKey, record.expiresAt, record.acceptedAt];
  return {
    key: Buffer.from(record.stream, "latin1"),
    value: Buffer.from(`${version}${JSON.stringify(head)}\n${record.body}`),
  };
}

const isNumberOrNull = (value: unknown): value is number | null =>
  value === null || typeof value === "number";

/** 1 to 128 characters, of one or two units each. */
const isCollapseKey = (value: unknown): value is string | null =>
  value === null || (typeof value === "string" && value.length > 0 && value.length <= 256);

function readHead(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** The record, or why it isn't one. */
export function decodeRecord(
  key: Buffer | null,
  value: Buffer | null,
  part: number,
  parts: number,
): LogRecord | string {
  if (key === null || value === null) return "it has no key or no value";
  const stream = key.toString("latin1");
  if (!isStreamName(stream)) return "its key is not the name of a stream";
  if (partOf(stream, parts) !== part) return `its stream belongs to part ${partOf(stream, parts)}`;
  const headEnd = value.indexOf(newline);
  if (headEnd < 0 || headEnd > headSizeBytes) return "it has no first line that describes it";
  if (value.length - headEnd - 1 > bodySizeBytes) return `its event is larger than ${bodySizeBytes} bytes`;
  if (!isUtf8(value)) return "it is not UTF-8";
  if (value[0] !== version.charCodeAt(0)) return "it is of a version that this program doesn't know";
  const head = readHead(value.toString("utf8", 1, headEnd));
  if (!Array.isArray(head)) return "its first line is not JSON";
  const [name, digest, flags, collapseKey, expiresAt, acceptedAt] = head as unknown[];
  const complete =
    typeof name === "string" &&
    identity.test(name) &&
    typeof digest === "string" &&
    identity.test(digest) &&
    typeof flags === "number" &&
    isCollapseKey(collapseKey) &&
    isNumberOrNull(expiresAt) &&
    typeof acceptedAt === "number";
  if (!complete) return "its first line lacks what a notification needs";
  const body = value.toString("utf8", headEnd + 1);
  if (!isJson(body)) return "its event is not JSON";
  return {
    stream,
    key: name,
    digest,
    silent: (flags & silentFlag) !== 0,
    collapseKey,
    expiresAt,
    receipt: (flags & receiptFlag) !== 0,
    acceptedAt,
    body,
  };
}

/** What is kept of a record that can't be used. */
const rejectedSizeBytes = 65_536;

export function describeRecord(key: Buffer | null, value: Buffer | null): string {
  const text = (bytes: Buffer | null): string | null => {
    if (bytes === null) return null;
    return isUtf8(bytes) ? bytes.toString("utf8") : `base64:${bytes.toString("base64")}`;
  };
  return JSON.stringify({
    key: text(key?.subarray(0, 1_024) ?? null),
    value: text(value?.subarray(0, rejectedSizeBytes) ?? null),
  });
}
