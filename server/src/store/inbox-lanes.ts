/** What a page of an inbox looks at: of each stream that the user follows, in their order. Pure, the same for every backend. */
import { tagOf } from "@carillon/protocol/cursor";
import { isTopicStream, ownerOf } from "@carillon/protocol/stream";
import { type Range, rangesOf } from "./inbox-ranges.ts";
import type { UnreadStream } from "./positions.ts";
import type { InboxFilter, InboxWanted } from "./queries.ts";

/** `since` is where the user began to follow it, or what of it isn't kept. */
export const lanesOf = (
  { from, filter }: Pick<InboxWanted, "from" | "filter">,
  streams: readonly UnreadStream[],
  since: readonly number[],
): Range[][] =>
  streams.map((one, at) => {
    const newest = from === null ? one.head : Math.min(one.head, from.get(tagOf(one.stream)) ?? 0);
    return isOf(filter, one) ? rangesOf(filter, one, since[at]!, newest) : [];
  });

const isOf = ({ own, topics }: InboxFilter, { stream }: UnreadStream): boolean =>
  !isTopicStream(stream) || (!own && (topics.length === 0 || topics.includes(ownerOf(stream))));

/** Silent ones are shown; of what counts as unread there are none. */
export const showsSilent = ({ silent, unread }: InboxFilter): boolean => silent && !unread;
