import type { StreamName } from "@carillon/protocol/stream";
import { Kind, type Row } from "../store/streams.ts";
import type { Encoding } from "./encoding.ts";

/** What a session gets when it moves from one place of a stream to another. */
export interface Run {
  /** The frames' bytes, shared among sessions; null when nothing between the two places is shown. */
  readonly bytes: Buffer | null;
  /** The seq of the last notification in it, or where the session's last one was. */
  readonly shown: number;
  readonly count: number;
}

interface Encoded {
  readonly prev: number;
  readonly bytes: Buffer;
}

/**
 * A row's frame depends on nothing but the row, the encoding and `prev`, and nearly all sessions share `prev`:
 * so one frame a row and encoding is kept, for as long as the row itself is in memory.
 */
const encoded = new WeakMap<Row, Map<Encoding["name"], Encoded>>();

const isShown = (row: Row, now: number): boolean =>
  row.kind !== Kind.tombstone && (row.expiresAt === null || row.expiresAt > now);

function notificationJson(stream: StreamName, row: Row, prev: number): string {
  return `{"type":"notification","stream":"${stream}","seq":${row.seq},"prev":${prev},"event":${row.body}}`;
}

function encodeRow(encoding: Encoding, stream: StreamName, row: Row, prev: number, shared: boolean): Buffer {
  if (!shared) return encoding.frame("notification", notificationJson(stream, row, prev));
  let frames = encoded.get(row);
  if (frames === undefined) {
    frames = new Map();
    encoded.set(row, frames);
  }
  const known = frames.get(encoding.name);
  if (known !== undefined && known.prev === prev) return known.bytes;
  const bytes = encoding.frame("notification", notificationJson(stream, row, prev));
  if (known === undefined) frames.set(encoding.name, { prev, bytes });
  return bytes;
}

/**
 * The frames for `rows`, for a session that was last shown `shown`. `shared` says that other sessions are
 * likely to want the same, so that each row's bytes are worth keeping.
 */
export function encodeRun(
  encoding: Encoding,
  stream: StreamName,
  rows: readonly Row[],
  shown: number,
  now: number,
  shared: boolean,
): Run {
  const parts: Buffer[] = [];
  let last = shown;
  for (const row of rows) {
    if (!isShown(row, now)) continue;
    parts.push(encodeRow(encoding, stream, row, last, shared));
    last = row.seq;
  }
  const bytes = parts.length === 0 ? null : parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  return { bytes, shown: last, count: parts.length };
}
