import { expect, test } from "vitest";
import { makeManualClock } from "../../../test/manual-clock.ts";
import type { Connection } from "./connection.ts";
import { makePool } from "./pool.ts";

const connection = (): Connection => ({
  server: "PostgreSQL at db-1:5432",
  usable: true,
  run: async () => [],
  runLimited: async () => [],
  commit: async () => {},
  destroy: () => {},
  end: () => {},
});

const turns = async (count: number): Promise<void> => {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
};

/** A server that has so many connections for this process, and answers at once that it has no more. */
function crowded(free: number) {
  const clock = makeManualClock();
  const lost: (() => void)[] = [];
  const server = { free, attempts: 0 };
  const pool = makePool({
    clock,
    connections: 10,
    queuedCalls: 100,
    async open(gone) {
      server.attempts += 1;
      await turns(1);
      if (server.free === 0) throw new Error("sorry, too many clients already");
      server.free -= 1;
      lost.push(gone);
      return connection();
    },
  });
  return { clock, pool, server, lost };
}

test("a server that has no more connections is asked for one now and then, while there are some", async () => {
  const { clock, pool, server } = crowded(1);
  const held = await pool.take(5_000);
  const waiting = [pool.take(5_000), pool.take(5_000)];
  await turns(200);
  expect(server.attempts).toBeLessThan(10);
  const before = server.attempts;
  for (let at = 0; at < 40; at++) {
    clock.advance(100);
    await turns(5);
  }
  expect(server.attempts - before).toBeGreaterThan(1);
  expect(server.attempts - before).toBeLessThan(60);
  pool.give(held);
  expect(await Promise.race(waiting)).toBe(held);
});

test("it is asked at once when the last connection is lost", async () => {
  const { pool, server, lost } = crowded(1);
  await pool.take(5_000);
  const waiting = pool.take(5_000);
  await turns(20);
  server.free = 1;
  lost[0]!();
  expect(await waiting).toBeDefined();
});
