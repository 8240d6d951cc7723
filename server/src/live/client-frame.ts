import type { ClientFrame } from "@carillon/protocol/frames";
import { type MarkChange, type MarkKind, readMarkChange } from "@carillon/protocol/marks";
import { isName, isStreamName } from "@carillon/protocol/stream";

const isRef = (value: unknown): boolean =>
  value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);

type Plain = Exclude<ClientFrame, { readonly type: MarkKind }>;

/** A frame that marks, with what it says to mark. */
interface MarkFrame {
  readonly type: "mark";
  readonly ref?: number;
  readonly kind: MarkKind;
  readonly change: MarkChange;
}
const isTopic = (value: unknown): value is string => typeof value === "string" && isName(value);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads what a client sent; anything that isn't a frame of the protocol is an error to tell it about. */
export function readClientFrame(text: string): Plain | MarkFrame | { readonly error: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "not JSON" };
  }
  if (!isObject(value)) return { error: "not a JSON object" };
  const { type, ref, stream, seq, topic, notification, token } = value;
  if (!isRef(ref)) return { error: "ref is not a whole number" };
  const withRef = ref === undefined ? {} : { ref: ref as number };
  switch (type) {
    case "ping":
      return { type, ...withRef };
    case "ack":
      if (typeof stream !== "string" || !isStreamName(stream))
        return { error: "ack: stream is not a stream's name" };
      if (!Number.isSafeInteger(seq) || (seq as number) < 0) return { error: "ack: seq is not a seq" };
      return { type, ...withRef, stream, seq: seq as number };
    case "read":
    case "archive":
    case "seen": {
      const change = readMarkChange(type, value);
      if ("member" in change) return { error: `${type}: ${change.member} ${change.detail}` };
      return { type: "mark", ...withRef, kind: type, change };
    }
    case "subscribe":
    case "unsubscribe":
      if (!isTopic(topic)) return { error: `${type}: topic is not a topic's name` };
      return { type, ...withRef, topic };
    case "send":
      if (!isTopic(topic)) return { error: "send: topic is not a topic's name" };
      if (!isObject(notification)) return { error: "send: notification is not an object" };
      return { type, ...withRef, topic, notification };
    case "auth":
      if (typeof token !== "string" || token.length > 8192) return { error: "auth: token is not a token" };
      return { type, ...withRef, token };
    default:
      return { error: "type is none of ack, read, archive, seen, subscribe, unsubscribe, send, auth, ping" };
  }
}
