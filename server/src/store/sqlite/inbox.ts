import { isMarked } from "@carillon/protocol/marks";
import type { InboxPage } from "../queries.ts";
import { type PackedUnread, unpackUnread } from "./unread.ts";

/** A page as columns; `lanes` are places in `unread.streams`. */
export interface PackedInbox {
  readonly unread: PackedUnread;
  readonly lanes: readonly number[];
  readonly seqs: readonly number[];
  readonly bodies: readonly string[];
  readonly next: readonly number[];
}

export function unpackInbox({ unread: packed, lanes, seqs, bodies, next }: PackedInbox): InboxPage {
  const unread = unpackUnread(packed);
  const items = seqs.map((seq, at) => {
    const { stream, read, archive } = unread.streams[lanes[at]!]!;
    return { stream, seq, body: bodies[at]!, read: isMarked(read, seq), archived: isMarked(archive, seq) };
  });
  return { items, unread, next };
}
