// Invariant 7 on the client's side: between two words of the server the badge follows section 6.7, and the next replaces it.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { badgeOf, unreadOf, unseenOf, withCounted, withoutCounted } from "./badge.js";
import { placesOf, tagOf } from "./places.js";

const vectors = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../protocol/vectors/${name}.json`, import.meta.url), "utf8"));

/** user:42 at 127, topic:builds at 128. */
const cursor = "AQJCPMemo3UBf_8rVL-IWAGAAbkR7Fo";
const told = { total: 3, streams: {}, unseen: { total: 1, streams: {} }, cursor, rev: 4 };
const one = (stream: string, seq: number | undefined, more = {}) => ({ stream, seq, event: { ...more } });

test("tags are those of the vectors", () => {
  const { streams } = vectors("streams") as { streams: { stream: string; tag: string }[] };
  expect(streams.length).toBeGreaterThan(3);
  for (const { stream, tag } of streams) expect(tagOf(stream).toString(16).padStart(12, "0")).toBe(tag);
});

test("places are those of the vectors", () => {
  const { cursors } = vectors("cursors") as {
    cursors: { places: { stream: string; seq: number }[]; token: string }[];
  };
  expect(cursors.length).toBeGreaterThan(3);
  for (const { places, token } of cursors)
    expect(placesOf(token)).toEqual(new Map(places.map(({ stream, seq }) => [tagOf(stream), seq])));
});

test("what can't be read has no places, whatever it is", () => {
  for (const text of ["", "?", "AA", "AQ", "AQE", "AQH_________________", "ÿÿ"])
    expect(placesOf(text).size).toBeLessThan(2);
});

test("what lies beyond the places of the server's count adds one", () => {
  let badge = badgeOf(told);
  expect([unreadOf(badge), unseenOf(badge)]).toEqual([3, 1]);
  for (const counted of [one("user:42", 128), one("topic:builds", 129)]) badge = withCounted(badge, counted);
  expect([unreadOf(badge), unseenOf(badge)]).toEqual([5, 3]);
});

test.each([
  ["what was counted already", one("user:42", 127)],
  ["what is silent", one("user:42", 128, { silent: true })],
  ["what is kept nowhere", one("user:42", undefined)],
  ["a stream that the count doesn't name", one("topic:other", 1)],
])("%s adds nothing", (_, passed) => {
  expect(unreadOf(withCounted(badgeOf(told), passed))).toBe(3);
});

test("what leaves the screen takes off what it added, and no more", () => {
  const badge = withCounted(badgeOf(told), one("user:42", 128));
  expect(unreadOf(withoutCounted(badge, one("user:42", 128)))).toBe(3);
  expect(unreadOf(withoutCounted(badge, one("user:42", 127)))).toBe(4);
  expect(unreadOf(withoutCounted(badgeOf(told), one("user:42", 128)))).toBe(3);
});

test("before the server has said anything there is nothing to show", () => {
  expect([unreadOf(null), unseenOf(null)]).toEqual([0, 0]);
});
