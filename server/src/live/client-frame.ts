import type { ClientFrame } from "@carillon/protocol/frames";
import { type MarkChange, type MarkKind, readMarkChange } from "@carillon/protocol/marks";
import { isStreamName } from "@carillon/protocol/stream";

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

/** Reads what a client sent; anything that isn't a frame of the protocol is an error to tell it about. */
export function readClientFrame(text: string): Plain | MarkFrame | { readonly error: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: "not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { error: "not a JSON object" };
  const { type, ref, stream, seq, token } = value as Record<string, unknown>;
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
      const change = readMarkChange(type, value as Record<string, unknown>);
      if ("member" in change) return { error: `${type}: ${change.member} ${change.detail}` };
      return { type: "mark", ...withRef, kind: type, change };
    }
    case "auth":
      if (typeof token !== "string" || token.length > 8192) return { error: "auth: token is not a token" };
      return { type, ...withRef, token };
    default:
      return { error: "type is none of ack, read, archive, seen, auth, ping" };
  }
}
