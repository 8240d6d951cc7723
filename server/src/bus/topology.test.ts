import fc from "fast-check";
import { expect, test } from "vitest";
import { makeTopology } from "./topology.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9.]{1,20}:[0-9]{4}$/), { minLength: 1, maxLength: 8 });
const streams = Array.from({ length: 8_000 }, (_, at) => `user:${at}`);

test("all who know the same servers agree, in whatever order they know them", () => {
  fc.assert(
    fc.property(names, fc.string(), (some, stream) => {
      const other = some.toReversed();
      expect(other[makeTopology(other)(stream)]).toBe(some[makeTopology(some)(stream)]);
    }),
  );
});

test("streams are spread evenly, and a server that leaves moves its own alone", () => {
  const four = ["redis-0:6379", "redis-1:6379", "redis-2:6379", "redis-3:6379"];
  const before = makeTopology(four);
  const after = makeTopology(four.slice(0, 3));
  const counts = [0, 0, 0, 0];
  for (const stream of streams) {
    const server = before(stream);
    counts[server]!++;
    if (server !== 3) expect(after(stream)).toBe(server);
  }
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});
