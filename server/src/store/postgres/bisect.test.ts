import fc from "fast-check";
import { expect, test } from "vitest";
import { findBad } from "./bisect.ts";

const refusing = (bad: ReadonlySet<number>) => async (some: readonly number[]) => {
  if (some.some((item) => bad.has(item))) throw new RangeError("bad");
};

test("every item that fails by itself is found, whatever their number and place", async () => {
  const places = fc.uniqueArray(fc.nat(40), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(places, fc.integer({ min: 1, max: 41 }), async (some, length) => {
      const items = Array.from({ length }, (_, at) => at);
      const bad = new Set(some);
      const found = await findBad(items, refusing(bad));
      expect(found.map(({ at }) => at)).toEqual(items.filter((item) => bad.has(item)));
    }),
  );
});

test("what isn't about values ends the search", async () => {
  const away = async (): Promise<void> => {
    throw new Error("away");
  };
  await expect(findBad([1, 2], away)).rejects.toThrow("away");
});
