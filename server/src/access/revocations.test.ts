import { expect, test } from "vitest";
import { makeManualClock } from "../../test/manual-clock.ts";
import type { BusMessage } from "../bus/driver.ts";
import type { Revocation } from "../store/access.ts";
import { openRevocations } from "./revocations.ts";

/** What several processes share: rows, and a bus that may lose. */
function makeShared() {
  const rows = new Map<string, Revocation>();
  const keyOf = ({ user, tokenId }: Pick<Revocation, "user" | "tokenId">) => JSON.stringify([user, tokenId]);
  const listeners: ((message: BusMessage) => void)[] = [];
  const state = { isBusAway: false, isStoreAway: false, reads: 0, during: () => {} };
  const clock = makeManualClock();

  async function join() {
    const ended: (string | null)[] = [];
    const failed: unknown[] = [];
    const revocations = openRevocations({
      access: {
        async revoke(revocation) {
          rows.set(keyOf(revocation), revocation);
          return revocation;
        },
        unrevoke: async (place) => rows.delete(keyOf(place)),
        async revocations(after, limit) {
          if (state.isStoreAway) throw new Error("away");
          state.reads++;
          const all = [...rows.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
          const from = after === null ? 0 : all.findIndex((one) => keyOf(one) === keyOf(after)) + 1;
          const page = all.slice(from, from + limit);
          state.during();
          return page;
        },
        revocationsOf: async (user) => [...rows.values()].filter((one) => one.user === user),
      },
      bus: {
        publish: (messages) => {
          if (!state.isBusAway) for (const listener of listeners) messages.forEach(listener);
        },
        subscribe: async () =>
          void listeners.push((message) => void (message.type === "revoked" && revocations.heard(message))),
      },
      clock,
      changed: (user) => void ended.push(user),
      failed: (reason) => void failed.push(reason),
    });
    await revocations.start();
    const isGood = (tokenId: string, issuedAt = 0) =>
      !revocations.isRevoked({ kind: "client", user: "a", expiresAt: Infinity, issuedAt, tokenId });
    return { revocations, ended, failed, isGood };
  }
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { clock, state, join, settle };
}

const byId = (tokenId: string) => ({ user: "a", tokenId, issuedBefore: null });

test("a revocation is in force here when it is answered, and on others when the bus says it", async () => {
  const { join } = makeShared();
  const [one, other] = [await join(), await join()];
  await one.revocations.revoke(byId("x"));
  expect([one.isGood("x"), other.isGood("x"), other.isGood("y")]).toEqual([false, false, true]);
  expect(other.ended.at(-1)).toBe("a");
});

test("what the bus lost is found by reading again, within a minute", async () => {
  const { join, state, clock, settle } = makeShared();
  const [one, other] = [await join(), await join()];
  state.isBusAway = true;
  await one.revocations.revoke({ user: null, tokenId: null, issuedBefore: clock.now() });
  expect(other.isGood("x")).toBe(true);
  clock.advance(60_000);
  await settle();
  expect(other.isGood("x")).toBe(false);
  expect(other.ended.at(-1)).toBeNull();
  state.isBusAway = false;
  await one.revocations.withdraw({ user: null, tokenId: null });
  clock.advance(60_000);
  await settle();
  expect(other.isGood("x")).toBe(true);
});

test("a bus that may have lost something makes it read at once", async () => {
  const { join, state, settle } = makeShared();
  const [one, other] = [await join(), await join()];
  state.isBusAway = true;
  await one.revocations.revoke(byId("x"));
  other.revocations.suspect();
  await settle();
  expect(other.isGood("x")).toBe(false);
});

test("what is heard while all are being read isn't lost to the older pages", async () => {
  const { join, state, settle } = makeShared();
  const one = await join();
  state.during = () => {
    state.during = () => {};
    void one.revocations.revoke(byId("meanwhile"));
  };
  one.revocations.suspect();
  await settle();
  expect(one.isGood("meanwhile")).toBe(false);
});

test("while the store is away those that are known hold, and it is said", async () => {
  const { join, state, clock, settle } = makeShared();
  const one = await join();
  await one.revocations.revoke(byId("x"));
  state.isStoreAway = true;
  clock.advance(60_000);
  await settle();
  expect(one.isGood("x")).toBe(false);
  expect(one.failed).toHaveLength(1);
});

test("all of more than a page are read", async () => {
  const { join, state } = makeShared();
  const one = await join();
  for (let at = 0; at < 2_500; at++) await one.revocations.revoke(byId(`t-${at}`));
  state.reads = 0;
  const other = await join();
  expect(state.reads).toBe(3);
  expect(other.revocations.count()).toBe(2_500);
});
