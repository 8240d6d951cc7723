/**
 * The inbox: pages of what a user sees, and the cursor that live goes on from. A page shows nothing beyond the cursor
 * of the first, however the streams have grown, because live brings it.
 */
import { encodeCursor, type StreamTag, tagOf } from "@carillon/protocol/cursor";
import type { UnreadCount } from "@carillon/protocol/frames";
import type { StreamName } from "@carillon/protocol/stream";
import {
  everything,
  type InboxFilter,
  type InboxItem,
  type Queries,
  type InboxPage as StoredPage,
} from "../store/queries.ts";
import { type Before, type BeforePlace, decodeBefore, encodeBefore } from "./before.ts";
import { toldOf } from "./marks.ts";
import type { Reader } from "./reader.ts";

export interface InboxPage {
  readonly items: readonly InboxItem[];
  /** For the next page; null on the last. */
  readonly before: string | null;
  /** The first page's: what live goes on from. */
  readonly cursor: string;
  readonly unread: UnreadCount;
}

export interface InboxRequest {
  readonly user: string;
  readonly limit: number;
  /** Null: the first page. */
  readonly before: string | null;
  readonly filter: InboxFilter;
}

export interface Inbox {
  /**
   * Rejects as the store does. "before-invalid": the token isn't one, or is from before the store was restored.
   */
  page(request: InboxRequest): Promise<InboxPage | "before-invalid">;
  /** One that a page would show, archived or silent too; null where none would. Rejects as the store does. */
  item(user: string, stream: StreamName, seq: number): Promise<InboxItem | null>;
}

export const makeInbox = (queries: Queries, reader: Pick<Reader, "ask">): Inbox => ({
  async page({ user, limit, before: token, filter }) {
    const before = token === null ? null : decodeBefore(token);
    if (token !== null && before === null) return "before-invalid";
    const from = before && new Map(Array.from(before.places, ([tag, { next }]) => [tag, next]));
    const page = await reader.ask(() => queries.inbox({ user, limit, from, filter }));
    const epoch = page.unread.epoch % 256;
    if (before !== null && before.epoch !== epoch) return "before-invalid";
    const places = placesAfter(page, before);
    return {
      items: page.items,
      before: page.next.some((seq) => seq > 0) ? encodeBefore({ epoch, places }) : null,
      cursor: encodeCursor(Array.from(places, ([tag, { seq }]) => ({ tag, epoch, seq }))),
      unread: toldOf(page.unread),
    };
  },

  async item(user, stream, seq) {
    const from = new Map([[tagOf(stream), seq]]);
    const { items } = await reader.ask(() => queries.inbox({ user, limit: 1, from, filter: everything }));
    return items.find((item) => item.stream === stream && item.seq === seq) ?? null;
  },
});

/** The streams of the first page alone: what is followed since is live's, and what isn't any more may be again. */
function placesAfter({ unread, next }: StoredPage, before: Before | null): Map<StreamTag, BeforePlace> {
  const goOn = new Map(unread.streams.map(({ stream }, at) => [tagOf(stream), next[at]!]));
  if (before === null)
    return new Map(
      unread.streams.map(({ stream, head }) => {
        const tag = tagOf(stream);
        return [tag, { seq: head, next: goOn.get(tag)! }];
      }),
    );
  return new Map(Array.from(before.places, ([tag, { seq }]) => [tag, { seq, next: goOn.get(tag) ?? 0 }]));
}
