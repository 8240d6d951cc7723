import { expect, test } from "vitest";
import { gapText } from "./gaps.js";
import {
  emptyInbox,
  mostItems,
  withArrival,
  withGap,
  withMark,
  withNewest,
  withOlder,
  withoutExpired,
  withoutStream,
  withPlace,
  withSession,
} from "./inbox.js";

type Inbox = typeof emptyInbox;

const own = "user:42" as const;
const builds = "topic:builds" as const;
const eventOf = (id: string, more = {}) => ({
  specversion: "1.0" as const,
  id,
  source: "/shop",
  type: "t",
  ...more,
});
const frame = (seq: number, prev: number, more = {}, stream: typeof own | typeof builds = own) => ({
  type: "notification" as const,
  stream,
  seq,
  prev,
  event: eventOf(`${stream} ${seq}`, more),
});
const loaded = (seq: number, more = {}) => ({
  stream: own,
  seq,
  event: eventOf(`loaded ${seq}`),
  read: false,
  archived: false,
  ...more,
});
const arrive = (inbox: Inbox, ...frames: ReturnType<typeof frame>[]): Inbox =>
  frames.reduce((sum, each) => withArrival(sum, each).inbox, inbox);
const seqs = ({ items }: Inbox) =>
  items.map(({ stream, seq }) => (stream === own ? seq : `${stream} ${seq}`));
/** user:42 at 127. */
const at127 = "AQJCPMemo3UBf_8rVL-IWAGAAbkR7Fo";

test("newest first, and a repeat is dropped: by place within a session and across sessions", () => {
  const inbox = arrive(emptyInbox, frame(1, 0), frame(2, 1), frame(3, 2));
  expect(seqs(inbox)).toEqual([3, 2, 1]);
  expect(withArrival(inbox, frame(3, 2)).outcome).toBe("repeat");
  expect(withArrival(withSession(inbox), frame(2, 1)).outcome).toBe("repeat");
  expect(seqs(arrive(inbox, frame(3, 2), frame(2, 1)))).toEqual([3, 2, 1]);
});

test("invariant 3: a prev beyond the place is a loss; the first of a stream in a session is taken as it is", () => {
  const inbox = arrive(emptyInbox, frame(1, 0));
  expect(withArrival(inbox, frame(4, 3)).outcome).toBe("lost");
  expect(withArrival(inbox, frame(4, 1)).outcome).toBe("new");
  expect(withArrival(withSession(inbox), frame(4, 3)).outcome).toBe("new");
  expect(withArrival(withPlace(inbox, builds, 917), frame(919, 918, {}, builds)).outcome).toBe("lost");
});

test("what was loaded isn't shown twice when it arrives as well", () => {
  const inbox = withNewest(emptyInbox, { items: [loaded(2), loaded(1)], before: null, cursor: at127 });
  expect(withArrival(inbox, frame(2, 1)).outcome).toBe("repeat");
  expect(seqs(arrive(inbox, frame(2, 1), frame(3, 2)))).toEqual([3, 2, 1]);
});

test("a page that is loaded anew keeps what has arrived beyond its cursor, and nothing else", () => {
  const before = arrive(emptyInbox, frame(126, 0), frame(127, 126), frame(128, 127), {
    ...frame(1, 0),
    seq: 129,
  });
  const inbox = withNewest(before, { items: [loaded(127, { read: true })], before: "more", cursor: at127 });
  expect(seqs(inbox)).toEqual([129, 128, 127]);
  expect(inbox.items.at(-1)).toMatchObject({ read: true });
  expect(inbox.before).toBe("more");
});

test("older pages are put behind, each once", () => {
  const first = withNewest(emptyInbox, { items: [loaded(4), loaded(3)], before: "a", cursor: at127 });
  const inbox = withOlder(first, { items: [loaded(3), loaded(2), loaded(1)], before: null, cursor: at127 });
  expect(seqs(inbox)).toEqual([4, 3, 2, 1]);
  expect(inbox.before).toBeNull();
});

test("the list is bounded, whatever comes in, and says that it was cut", () => {
  const many = Array.from({ length: mostItems + 50 }, (_, at) => frame(at + 1, at));
  const live = arrive(emptyInbox, ...many);
  expect(live.items).toHaveLength(mostItems);
  expect(live.isCut).toBe(true);
  expect(seqs(live)[0]).toBe(mostItems + 50);
  expect(withArrival(withSession(live), frame(1, 0)).outcome).toBe("repeat");
  const page = { items: many.map(({ seq }) => loaded(seq)), before: "more", cursor: at127 };
  expect(withOlder(emptyInbox, page)).toMatchObject({
    isCut: true,
    before: null,
    items: { length: mostItems },
  });
  const passing = Array.from({ length: mostItems + 1 }).reduce<Inbox>(
    (sum) => withArrival(sum, { type: "notification", stream: own, event: eventOf("x") }).inbox,
    emptyInbox,
  );
  expect(passing.items).toHaveLength(mostItems);
});

test("a mark of the server is what is read, before and after it arrives, but for its exceptions", () => {
  const inbox = withMark(arrive(emptyInbox, frame(1, 0), frame(2, 1)), {
    type: "read",
    stream: own,
    upTo: 3,
    except: [1, 5],
  });
  const later = arrive(inbox, frame(3, 2), frame(4, 3), frame(5, 4));
  expect(later.items.map(({ seq, read }) => [seq, read])).toEqual([
    [5, true],
    [4, false],
    [3, true],
    [2, true],
    [1, false],
  ]);
  const back = withMark(later, { type: "read", stream: own, upTo: 0, except: [] });
  expect(back.items.every(({ read }) => !read)).toBe(true);
  expect(withMark(later, { type: "archive", stream: builds, upTo: 9, except: [] }).items).toEqual(
    later.items,
  );
});

test("a newer one with the same collapse key takes the older one's place, in its stream alone", () => {
  const key = { collapsekey: "cpu" };
  const inbox = arrive(emptyInbox, frame(1, 0, key), frame(2, 1), frame(1, 0, key, builds));
  const arrival = withArrival(inbox, frame(3, 2, key));
  expect(seqs(arrival.inbox)).toEqual([3, "topic:builds 1", 2]);
  expect(arrival.replaced.map(({ seq }) => seq)).toEqual([1]);
});

test("what has expired leaves the list", () => {
  const inbox = arrive(emptyInbox, frame(1, 0, { expirytime: "2026-01-01T00:00:00Z" }), frame(2, 1));
  expect(seqs(withoutExpired(inbox, Date.parse("2025-12-31T23:59:59Z")).inbox)).toEqual([2, 1]);
  expect(seqs(withoutExpired(inbox, Date.parse("2026-01-01T00:00:00Z")).inbox)).toEqual([2]);
});

test("a gap moves the place on, and back after a restore; their number is bounded", () => {
  const gap = { type: "gap" as const, stream: own, reason: "skipped" as const, from: 2, to: 900 };
  const inbox = withGap(arrive(emptyInbox, frame(1, 0)), gap);
  expect(withArrival(inbox, frame(901, 900)).outcome).toBe("new");
  expect(withGap(inbox, { ...gap, to: 5 }).places[own]).toBe(900);
  expect(withGap(inbox, { ...gap, reason: "rewound", from: 0, to: 5 }).places[own]).toBe(5);
  const many = Array.from({ length: 100 }).reduce<Inbox>((sum) => withGap(sum, gap), inbox);
  expect(many.gaps.length).toBeLessThanOrEqual(20);
});

test("what a gap means is said in words, with the pages offered where they have something", () => {
  const told = (reason: "trimmed" | "skipped" | "rewound" | "epoch") =>
    gapText({ stream: builds, reason, from: 18, to: 917 });
  expect(told("skipped")).toEqual({
    text: "Of the topic builds, numbers 18 to 917 were skipped: more was missed than is sent at once.",
    canLoad: true,
  });
  expect(told("trimmed").canLoad).toBe(false);
  expect(told("epoch").text).toContain("restored");
});

test("a topic that isn't followed any more leaves the list, and begins anew when it is", () => {
  const inbox = withoutStream(arrive(emptyInbox, frame(1, 0), frame(7, 6, {}, builds)), builds);
  expect(seqs(inbox)).toEqual([1]);
  expect(withArrival(withPlace(inbox, builds, 7), frame(8, 7, {}, builds)).outcome).toBe("new");
});
