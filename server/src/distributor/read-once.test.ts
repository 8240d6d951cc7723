import { expect, test } from "vitest";
import { readOnce } from "./read-once.ts";

function makeStage() {
  const asked: { key: string; settle: PromiseWithResolvers<number> }[] = [];
  const read = readOnce((key) => {
    const settle = Promise.withResolvers<number>();
    asked.push({ key, settle });
    return settle.promise;
  });
  return { asked, read };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("however many ask, one read is under way and one follows, which began after they had asked", async () => {
  const { asked, read } = makeStage();
  const first = read("ann");
  const later = Array.from({ length: 50 }, () => read("ann"));
  const other = read("bob");
  expect(asked.map(({ key }) => key)).toEqual(["ann", "bob"]);
  asked[0]?.settle.resolve(1);
  asked[1]?.settle.resolve(2);
  expect(await Promise.all([first, other])).toEqual([1, 2]);
  await turn();
  expect(asked).toHaveLength(3);
  const last = read("ann");
  asked[2]?.settle.resolve(3);
  expect(new Set(await Promise.all(later))).toEqual(new Set([3]));
  await turn();
  asked[3]?.settle.resolve(4);
  expect(await last).toBe(4);
  void read("ann");
  expect(asked).toHaveLength(5);
});

test("a read that fails fails for those who asked for it, and for nobody after", async () => {
  const { asked, read } = makeStage();
  const first = read("ann");
  const second = read("ann");
  asked[0]?.settle.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await turn();
  asked[1]?.settle.resolve(2);
  expect(await second).toBe(2);
});
