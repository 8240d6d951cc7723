/**
 * Pages of inboxes: first how the user stands in what they follow and what of it counts, then the rows that the page
 * has to look at, then the bodies of those that it shows. Nothing beyond the heads that were counted is looked at.
 */
import { isMarked } from "@carillon/protocol/marks";
import { userStream } from "@carillon/protocol/stream";
import { lanesOf, showsSilent } from "../inbox-lanes.ts";
import { makeInboxMerge, type Scan, type ScannedRow, type Taken } from "../inbox-merge.ts";
import type { UnreadStream } from "../positions.ts";
import type { InboxFilter, InboxItem, InboxPage, InboxWanted } from "../queries.ts";
import { bigints, integers } from "./arrays.ts";
import { allOf, type Shards } from "./shards.ts";
import { makeStandings, type Standing, unreadOf } from "./unread.ts";

interface Scanned extends ScannedRow {
  readonly place: number;
}

interface Body {
  readonly place: number;
  readonly body: string;
}

const scanStatement = `
  SELECT (place - 1)::int AS place, seq, stored_at AS at, size
  FROM carillon_inbox_scan($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

const bodiesStatement = "SELECT (place - 1)::int AS place, body FROM carillon_inbox_bodies($1, $2, $3)";

type Lanes = readonly (UnreadStream & Pick<Standing, "id">)[];

export function makeInbox(shards: Shards) {
  const { of, partOf, grouped } = shards;
  const standingsOf = makeStandings(shards);

  const partsOf = (lanes: Lanes, some: readonly { readonly lane: number }[]): Buffer =>
    integers([...new Set(some.map(({ lane }) => partOf(lanes[lane]!.stream)))]);

  const scanned = async (
    lanes: Lanes,
    scans: readonly Scan[],
    filter: InboxFilter,
  ): Promise<ReadonlyMap<Scan, readonly ScannedRow[]>> => {
    const rowsOf = new Map(scans.map((scan): [Scan, ScannedRow[]] => [scan, []]));
    const groups = grouped(scans, ({ lane }) => lanes[lane]!.stream);
    await allOf(
      Array.from(groups, async ([shard, group]) => {
        const ranges = group.flatMap((scan) => scan.ranges.map((range) => ({ ...range, scan })));
        const rows = await shard.query<Scanned>(scanStatement, [
          partsOf(lanes, group),
          bigints(ranges.map(({ scan }) => lanes[scan.lane]!.id)),
          bigints(ranges.map(({ low }) => low)),
          bigints(ranges.map(({ high }) => high)),
          lanes[0]!.id,
          showsSilent(filter),
          filter.since,
          filter.type,
          filter.source,
          filter.topics.length === 0 ? null : filter.topics,
        ]);
        for (const { place, seq, at, size } of rows) rowsOf.get(ranges[place]!.scan)!.push({ seq, at, size });
      }),
    );
    return rowsOf;
  };

  /** What was taken back since it was scanned is left out. */
  const itemsOf = async (lanes: Lanes, taken: readonly Taken[]): Promise<InboxItem[]> => {
    const bodies = new Map<Taken, string>();
    await allOf(
      Array.from(
        grouped(taken, ({ lane }) => lanes[lane]!.stream),
        async ([shard, group]) => {
          const rows = await shard.query<Body>(bodiesStatement, [
            partsOf(lanes, group),
            bigints(group.map(({ lane }) => lanes[lane]!.id)),
            bigints(group.map(({ seq }) => seq)),
          ]);
          for (const { place, body } of rows) bodies.set(group[place]!, body);
        },
      ),
    );
    return taken.flatMap((one) => {
      const body = bodies.get(one);
      if (body === undefined) return [];
      const { stream, read, archive } = lanes[one.lane]!;
      const { seq } = one;
      return [{ stream, seq, body, read: isMarked(read, seq), archived: isMarked(archive, seq) }];
    });
  };

  return async function inbox(wanted: InboxWanted): Promise<InboxPage> {
    const { user, limit, filter } = wanted;
    const own = userStream(user);
    const standings = await standingsOf(of(own), [own]);
    const unread = unreadOf(standings);
    const lanes = unread.streams.map((one, at) => ({ ...one, id: standings[at]!.id }));
    const ranges = lanesOf(
      wanted,
      unread.streams,
      standings.map(({ since }) => since),
    );
    const merge = makeInboxMerge(ranges, limit, filter.since);
    for (let scans = merge.scans(); scans.length > 0; scans = merge.scans()) {
      for (const [scan, rows] of await scanned(lanes, scans, filter)) merge.give(scan, rows);
    }
    return { items: await itemsOf(lanes, merge.taken), unread, next: merge.next() };
  };
}
