/** Where a named device stands, as a cursor that is moved in one stream at a time. Pure. */
import { type CursorEntry, cursorEntriesMax, decodeCursor, encodeCursor } from "@carillon/protocol/cursor";

/**
 * `token` with the device's place in one stream moved on, never back within an epoch. Null, or a token that is
 * none: it stood nowhere yet. A full cursor makes room: a stream that is forgotten is shown again.
 */
export function moveDevice(token: string | null, { tag, epoch, seq }: CursorEntry): string {
  const places = new Map(token === null ? [] : decodeCursor(token).entries);
  const before = places.get(tag);
  const furthest = before?.epoch === epoch ? Math.max(before.seq, seq) : seq;
  places.delete(tag);
  const others = [...places].slice(-(cursorEntriesMax - 1));
  return encodeCursor([
    ...others.map(([other, place]) => ({ tag: other, ...place })),
    { tag, epoch, seq: furthest },
  ]);
}
