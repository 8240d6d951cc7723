import { expect, test } from "vitest";
import vectors from "../vectors/streams.json" with { type: "json" };
import { partOf } from "./partition.ts";
import { type StreamName, topicStream, userStream } from "./stream.ts";

test("the part of a stream is fixed for ever", () => {
  for (const { stream, parts } of vectors.streams) {
    for (const [count, part] of Object.entries(parts)) {
      expect(partOf(stream as StreamName, Number(count))).toBe(part);
    }
  }
});

test.each([
  ["numbered users", (i: number) => userStream(`${i}`)],
  ["numbered topics", (i: number) => topicStream(`orders.${i}`)],
  ["users by UUID", (i: number) => userStream(`00000000-0000-7000-8000-${i.toString(16).padStart(12, "0")}`)],
])("streams spread evenly: %s", (_, nameOf) => {
  for (const parts of [7, 128]) {
    const counts = new Array<number>(parts).fill(0);
    for (let i = 0; i < 1000 * parts; i++) counts[partOf(nameOf(i), parts)]!++;
    // Five standard deviations of a fair spread around the mean of 1,000.
    expect(Math.min(...counts)).toBeGreaterThan(840);
    expect(Math.max(...counts)).toBeLessThan(1160);
  }
});
