/**
 * The store's workers die and hang under the real process: 503 with Retry-After in a bounded time, then recovery or
 * a non-zero status, and never a promise of what isn't durable.
 */

import { describe, expect, test } from "vitest";
import { Fault } from "../../src/store/sqlite/faults.ts";
import { must } from "./ask.ts";
import { startServer } from "./server-process.ts";
import {
  after,
  end,
  expectAllThere,
  expectUnavailable,
  flags,
  preload,
  raiseStage,
  send,
  sendOne,
  sendUntilTaken,
  setFault,
  timeout,
  urlOf,
} from "./workers-stage.ts";

describe("invariant 1: what the store's writer didn't confirm isn't promised", () => {
  test("it dies and hangs, before and after its commit: 503, and the same id is safe", {
    timeout,
  }, async () => {
    const stage = await raiseStage();
    await send(stage, 3);
    for (const [fault, then] of [
      [Fault.dieBeforeCommit, "stored"],
      [Fault.dieAfterCommit, "duplicate"],
      [Fault.hangBeforeCommit, "stored"],
      [Fault.hangAfterCommit, "duplicate"],
    ] as const) {
      await setFault(stage, { worker: "store-writer", fault });
      const refused = await send(stage, 1);
      expectUnavailable(refused[0]!.answer!);
      expect(await sendUntilTaken(stage, refused[0]!.id), `after fault ${fault}`).toBe(then);
      const many = await send(stage, 20);
      expect(many.map(({ answer }) => answer?.status)).toEqual(many.map(() => 202));
    }
    await expectAllThere(stage);
    await end(stage);
  });

  test("in the middle of a crowd of requests: each is answered, and none twice", { timeout }, async () => {
    const stage = await raiseStage();
    for (const fault of [Fault.dieAfterCommit, Fault.dieBeforeCommit]) {
      await setFault(stage, { worker: "store-writer", fault });
      const crowd = await send(stage, 200);
      const open = crowd.filter(({ answer }) => answer?.status !== 202);
      expect(open.length).toBeGreaterThan(0);
      for (const { answer } of open) expectUnavailable(answer!);
      await Promise.all(open.map(({ id }) => sendUntilTaken(stage, id)));
    }
    await expectAllThere(stage);
    await end(stage);
  });

  test("it dies again and again: the process ends with a non-zero status, and nothing is lost", {
    timeout,
  }, async () => {
    const stage = await raiseStage();
    await send(stage, 10);
    await expectAllThere(stage);
    const { exit } = stage.server;
    void exit.then(() => stage.gate.close());
    const id = `n${stage.count++}`;
    for (;;) {
      await setFault(stage, { worker: "store-writer", fault: Fault.dieBeforeCommit });
      const answer = await sendOne(stage, id);
      if (answer === null) break;
      expectUnavailable(answer);
      await Promise.race([after(100), exit]);
    }
    expect(await exit).not.toMatchObject({ code: 0 });
    stage.server = await startServer({ directory: stage.directory, flags, preload });
    stage.gate.open(stage.server.url);
    await sendUntilTaken(stage, id);
    await expectAllThere(stage);
    await end(stage);
  });
});

test("the store's reader dies and hangs: readers are told to come back, and miss nothing", {
  timeout,
}, async () => {
  const stage = await raiseStage();
  await send(stage, 3);
  await expectAllThere(stage);
  let times = 0;
  for (const fault of [Fault.dieBeforeCommit, Fault.hangBeforeCommit]) {
    await setFault(stage, { worker: "store-reader", fault });
    for (const client of stage.clients) client.cut();
    const sent = await send(stage, 5);
    await Promise.all(sent.map(({ id }) => sendUntilTaken(stage, id)));
    await expectAllThere(stage);
    const where = `${urlOf(stage)}/n0?source=/test&to=user:ada`;
    expect((await must(200, where, { bearer: stage.server.apiKey })).json).toMatchObject({ seq: 1 });
    const wentDown = stage.server.said.filter((line) => line.includes("the store broke down"));
    expect(wentDown).toHaveLength(++times);
  }
  await end(stage);
});
