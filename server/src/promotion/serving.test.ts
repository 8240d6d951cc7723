import { expect, test } from "vitest";
import { takeForServing, whyNotBeside } from "./serving.ts";
import { beginning, read, type Standing, standingFact, write } from "./standing.ts";

const left: Standing = { is: "left", id: "one", to: "db", at: "2026-01-01T00:00:00.000Z" };
const arriving: Standing = { is: "arriving", id: "one", from: "data", at: beginning };
const arrived: Standing = { is: "arrived", id: "one", from: "data" };
const leaving: Standing = { is: "leaving", id: "one", to: "db" };

function factsWith(standing: Standing | null) {
  const facts = new Map(standing === null ? [] : [[standingFact, write(standing)]]);
  return {
    standing: () => read(facts.get(standingFact) ?? null),
    async agree(name: string, value: string) {
      if (!facts.has(name)) facts.set(name, value);
      return facts.get(name)!;
    },
    async amend(name: string, value: string) {
      facts.set(name, value);
    },
  };
}

test.each([null, { is: "serving" }, arrived, leaving] as const)(
  "%o is served, and says so",
  async (standing) => {
    const facts = factsWith(standing);
    expect(await takeForServing(facts, { acceptRestore: false })).toHaveProperty("note");
    expect(facts.standing()).toEqual({ is: "serving" });
  },
);

test.each([left, arriving])("%o is not served, and stays so", async (standing) => {
  const facts = factsWith(standing);
  expect(await takeForServing(facts, { acceptRestore: false })).toEqual({
    problem: expect.stringContaining("carillon promote"),
  });
  expect(facts.standing()).toEqual(standing);
});

test("what was promoted away is served again when somebody accepts what is lost by that", async () => {
  const facts = factsWith(left);
  expect(await takeForServing(facts, { acceptRestore: true })).toEqual({ note: expect.any(String) });
  expect(facts.standing()).toEqual({ is: "serving" });
});

test("half a store is never served", async () => {
  const facts = factsWith(arriving);
  expect(await takeForServing(facts, { acceptRestore: true })).toHaveProperty("problem");
  expect(facts.standing()).toEqual(arriving);
});

test("a fact has room for all of it, however long the names are", () => {
  const long = "/a".repeat(2_000);
  const place = JSON.stringify([1, "x".repeat(255), "y".repeat(255)]);
  const at = { stage: "subscriptions", place, rows: Number.MAX_SAFE_INTEGER } as const;
  const id = "00000000-0000-4000-8000-000000000000";
  expect(Buffer.byteLength(write({ is: "arriving", id, from: long, at }))).toBeLessThanOrEqual(1_024);
});

test.each([null, { is: "serving" }, leaving, arriving] as const)(
  "a directory in which a store is %o isn't forgotten when another is served",
  (standing) => {
    const why = whyNotBeside("/srv/data", standing === null ? null : write(standing));
    expect(why).toContain("/srv/data holds data of its own");
    expect(why).toContain("carillon promote");
  },
);

test("a directory whose store was promoted may hold the keys of the new one", () => {
  expect(whyNotBeside("/srv/data", write(left))).toBeNull();
});
