import { describe, expect, test } from "vitest";
import { apply, batchOf, inPart, opened, record, type StoreUnderTest } from "./suite.ts";

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(5, "0")}`);

export function examineCoordination(name: string, subject: StoreUnderTest): void {
  describe(`coordination on ${name}`, () => {
    test("the first value of a fact stays until it is amended, after a restart too", async () => {
      const subjectStore = await opened(subject);
      const { coordination } = subjectStore.store;
      expect(await coordination.agree("parts", "128")).toBe("128");
      expect(await coordination.agree("parts", "64")).toBe("128");
      await coordination.amend("parts", "256");
      await coordination.amend("log", "é".repeat(512));
      await subjectStore.reopen();
      expect(await subjectStore.store.coordination.agree("parts", "64")).toBe("256");
      expect(await subjectStore.store.coordination.agree("log", "other")).toBe("é".repeat(512));
    });

    test("of processes that agree at the same time all get one value", async () => {
      const { store } = await opened(subject);
      const all = await Promise.all(
        numbered("v", 20).map((value) => store.coordination.agree("fact", value)),
      );
      expect(new Set(all).size).toBe(1);
    });

    test("a lease has one holder, who may renew it and let it go", async () => {
      const { store } = await opened(subject);
      const { coordination } = store;
      expect(await coordination.claim("a", ["x", "y"], 60_000)).toEqual(["x", "y"]);
      expect(await coordination.claim("b", ["x", "y", "z"], 60_000)).toEqual(["z"]);
      expect(await coordination.claim("a", ["x", "z", "x"], 60_000)).toEqual(["x"]);
      await coordination.release("b", ["x", "z"]);
      await coordination.release("a", ["y"]);
      expect(await coordination.leases("")).toEqual([{ name: "x", owner: "a" }]);
      expect(new Set(await coordination.claim("b", ["x", "y", "z"], 60_000))).toEqual(new Set(["y", "z"]));
    });

    test("of those who claim at the same time one holds each lease", async () => {
      const { store } = await opened(subject);
      const { coordination } = store;
      const names = numbered("part ", 50);
      const orders = [names, names.toReversed(), names.slice(25).concat(names.slice(0, 25))];
      const owners = numbered("owner ", 9);
      const held = await Promise.all(
        owners.map((owner, at) => coordination.claim(owner, orders[at % orders.length]!, 60_000)),
      );
      expect(held.flat().toSorted()).toEqual(names);
      for (const [at, owner] of owners.entries()) {
        const leases = (await coordination.leases("part ")).filter((lease) => lease.owner === owner);
        expect(leases.map((lease) => lease.name)).toEqual(held[at]!.toSorted());
      }
    });

    test("a lease that has run out is free, and isn't listed", async () => {
      const { store } = await opened(subject);
      const { coordination } = store;
      await coordination.claim("a", ["x"], 1_000);
      await coordination.claim("a", ["y"], 60_000);
      await expect.poll(() => coordination.leases(""), { timeout: 10_000 }).toHaveLength(1);
      expect(await coordination.leases("")).toEqual([{ name: "y", owner: "a" }]);
      expect(await coordination.claim("b", ["x", "y"], 60_000)).toEqual(["x"]);
    });

    test("leases are listed by prefix and name, 1,000 claimed at once, at most 10,000", async () => {
      const { store } = await opened(subject);
      const { coordination } = store;
      const names = numbered("p%_~", 10_001);
      expect(await coordination.claim("a", [], 60_000)).toEqual([]);
      for (let at = 0; at < names.length; at += 1_000) {
        const some = names.slice(at, at + 1_000);
        expect(await coordination.claim("a", some, 600_000)).toHaveLength(some.length);
      }
      await coordination.claim("a", ["p", "P%_~", "p%", "pxx", "q"], 600_000);
      const listed = await coordination.leases("p%_~");
      expect(listed.map((lease) => lease.name)).toEqual(names.slice(0, 10_000));
      expect((await coordination.leases("p%_~1")).map((lease) => lease.name)).toEqual(["p%_~10000"]);
      expect(await coordination.leases("nothing")).toEqual([]);
      await coordination.release("a", names.slice(0, 1_000));
      expect(await coordination.leases("p%_~")).toHaveLength(9_001);
    });

    test("an epoch begun is told with every head from then on", async () => {
      const subjectStore = await opened(subject);
      const { coordination, streams, positions } = subjectStore.store;
      const { epoch } = await streams.heads([]);
      expect(await coordination.beginEpoch()).toBe(epoch + 1);
      expect(await streams.heads(["user:a"])).toMatchObject({ epoch: epoch + 1 });
      expect(await positions.unread("a")).toMatchObject({ epoch: epoch + 1 });
      await subjectStore.reopen();
      expect(await subjectStore.store.streams.heads([])).toMatchObject({ epoch: epoch + 1 });
    });

    if (!subject.capabilities.progress) return;

    test("a part's place can be set forwards and back, and batches go on from there", async () => {
      const { store } = await opened(subject);
      const { coordination, streams } = store;
      const userA = inPart(0, subject, "user:a");
      await coordination.setProgress(0, "100");
      expect(await streams.progress(0)).toBe("100");
      const batch = batchOf([record(userA)], { from: "100", to: "101" });
      expect(await streams.apply(batch)).toMatchObject({ owned: true });
      await coordination.setProgress(0, "5");
      expect(await streams.apply(batchOf([record(userA)], { from: "101", to: "102" }))).toMatchObject({
        owned: false,
      });
      expect((await apply(streams, record(userA))).outcomes).toEqual([{ status: "stored", seq: 2 }]);
      expect(await streams.progress(0)).toBe("5");
    });
  });
}
