/**
 * What screens ask: reads of one backend that no role decides by, outside the ports so that those stay small.
 *
 * Contract for backends. The suite in `conformance/inbox.ts` holds each of them to it.
 *
 * - **Order.** By the time at which a notification was stored, newest first; of the same time the user's own stream
 *   first, then topics by name, and in a stream the higher seq. In a stream always by seq: where a clock went back,
 *   a notification comes no earlier than those behind it in its stream.
 * - **Consistency.** Marks, counts and heads are those of `unread`, and nothing beyond those heads is on a first page.
 *   On one server all of it is one view. With several, marks are those of the user's server, each stream is read
 *   after it was counted, and what was taken back in between isn't shown.
 * - **Cost.** At most 1,024 rows of all streams together are looked at, about 1 MB of bodies is answered, but always
 *   one where there is one. So a page may be short, or empty, and not be the last; it always comes further.
 * - Failures are those of the streams port.
 */
import type { StreamTag } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import type { Unread } from "./positions.ts";

export interface InboxFilter {
  /** Only what counts as unread. */
  readonly unread: boolean;
  /** Of what is archived. */
  readonly archived: "without" | "only" | "with";
  /** Silent ones too; they never count as unread. */
  readonly silent: boolean;
  /** The user's own stream alone. */
  readonly own: boolean;
  /** Of these topics, at most 16: their streams, and what in the user's own is marked with one; empty: everything. */
  readonly topics: readonly string[];
  /** Exactly as the event says. */
  readonly type: string | null;
  readonly source: string | null;
  /** Stored at this time or later, in milliseconds. */
  readonly since: number | null;
}

/** All that the inbox can show. */
export const everything: InboxFilter = {
  unread: false,
  archived: "with",
  silent: true,
  own: false,
  topics: [],
  type: null,
  source: null,
  since: null,
};

export interface InboxWanted {
  readonly user: string;
  /** 1 to 100. */
  readonly limit: number;
  /**
   * Where the page before ended: by stream, the newest seq that is still to be looked at, 0 for none. A stream that
   * it doesn't name isn't looked at. Null: the first page, from the heads.
   */
  readonly from: ReadonlyMap<StreamTag, number> | null;
  readonly filter: InboxFilter;
}

export interface InboxItem {
  readonly stream: StreamName;
  readonly seq: number;
  /** The CloudEvent as JSON text. */
  readonly body: string;
  readonly read: boolean;
  readonly archived: boolean;
}

export interface InboxPage {
  /** At most `limit`. Never tombstones, what has expired, is not kept, or is from before the user followed. */
  readonly items: readonly InboxItem[];
  /** As `positions.unread`. */
  readonly unread: Unread;
  /** For each stream of `unread`, where the next page goes on; all 0 where there is none. */
  readonly next: readonly number[];
}

export interface Queries {
  /** A page of the user's inbox: their own stream and the topics that they follow now. */
  inbox(wanted: InboxWanted): Promise<InboxPage>;
}
