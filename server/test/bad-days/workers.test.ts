/**
 * The store's workers die and hang under the real process: 503 with Retry-After in a bounded time, then recovery or
 * a non-zero status, and never a promise of what isn't durable.
 */
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { Fault } from "../../src/store/sqlite/faults.ts";
import { type Answer, ask, json, must, tokenFor } from "./ask.ts";
import { type ComingBack, comeBack } from "./client.ts";
import type { FaultOrder } from "./faulty-store.ts";
import { type Gate, makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { type Ledger, makeLedger } from "./ledger.ts";
import { makeDirectory, type ServerProcess, startServer } from "./server-process.ts";
import { openEvents } from "./transports/events.ts";
import { openPolls } from "./transports/poll.ts";
import { openExactWebSocket } from "./transports/websocket.ts";

const preload = new URL("./faulty-store.ts", import.meta.url).href;
const flags = ["--store-watchdog", "1s", "--log-level", "warn"];
const timeout = 60_000;

interface Stage {
  readonly directory: string;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly clients: readonly ComingBack[];
  server: ServerProcess;
  count: number;
}

async function raiseStage(): Promise<Stage> {
  const directory = makeDirectory();
  const server = await startServer({ directory, flags, preload });
  const ledger = makeLedger();
  const gate = makeGate();
  gate.open(server.url);
  const token = await tokenFor(server, "ada");
  const clients = [openExactWebSocket, openEvents, openPolls].map((transport) =>
    comeBack({ gate, token, inbox: makeInbox(transport.name, ledger), transport: () => transport }),
  );
  return { directory, gate, ledger, clients, server, count: 0 };
}

/** Resolves when it is set, or the process is gone. */
async function setFault({ server: { child, exit } }: Stage, order: FaultOrder): Promise<void> {
  child.send(order, () => {});
  await Promise.race([once(child, "message"), exit]);
}

const urlOf = ({ server }: Stage): string => `${server.url}/v1/notifications`;

/** Sends so many at once, each in a request of its own. Null: no answer at all. */
async function send(stage: Stage, count: number): Promise<{ id: string; answer: Answer | null }[]> {
  const ids = Array.from({ length: count }, () => `n${stage.count++}`);
  return Promise.all(ids.map(async (id) => ({ id, answer: await sendOne(stage, id) })));
}

async function sendOne(stage: Stage, id: string): Promise<Answer | null> {
  stage.ledger.sending({ id, to: ["user:ada"], data: id });
  const event = { id, to: "user:ada", source: "/test", type: "test", data: id };
  const answer = await ask(urlOf(stage), { ...json(event), bearer: stage.server.apiKey });
  const { receipts = [] } = (answer?.json ?? {}) as { receipts?: { seq: number }[] };
  if (answer?.status === 202) stage.ledger.promised(id, "user:ada", receipts[0]!.seq);
  return answer;
}

/** The same again until it is taken, as late as the server asks for; null when the process is gone. */
async function sendUntilTaken(stage: Stage, id: string): Promise<string | null> {
  for (;;) {
    const answer = await sendOne(stage, id);
    if (answer === null) return null;
    if (answer.status === 202) return (answer.json as { receipts: { status: string }[] }).receipts[0]!.status;
    expectUnavailable(answer);
    await after((answer.json as { retryMs: number }).retryMs);
  }
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function expectUnavailable(answer: Answer): void {
  expect(answer.status, answer.text).toBe(503);
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect((answer.json as { code: string }).code).toBe("unavailable");
}

/** Every client has everything, once and in order. */
async function expectAllThere({ ledger, clients, count }: Stage): Promise<void> {
  await Promise.race([ledger.broken, Promise.all(clients.map(({ inbox }) => inbox.has("user:ada", count)))]);
  expect(ledger.violations).toEqual([]);
  const promised = ledger.promisedIn("user:ada");
  const inOrder = Array.from({ length: count }, (_, at) => promised.get(at + 1));
  for (const { inbox } of clients) expect(inbox.received.get("user:ada"), inbox.who).toEqual(inOrder);
}

async function end(stage: Stage): Promise<void> {
  await Promise.all(stage.clients.map((client) => client.stop()));
  expect(await stage.server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
}

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

  test("it hangs where it can't be ended: 503, then recovery or a non-zero status, and nothing is lost", {
    timeout,
  }, async () => {
    const stage = await raiseStage();
    await send(stage, 10);
    await expectAllThere(stage);
    await setFault(stage, { worker: "store-writer", fault: Fault.hangInSqlite });
    const [refused] = await send(stage, 1);
    expectUnavailable(refused!.answer!);
    void stage.server.exit.then(() => stage.gate.close());
    if ((await sendUntilTaken(stage, refused!.id)) === null) {
      expect(await stage.server.exit).not.toMatchObject({ code: 0 });
      stage.server = await startServer({ directory: stage.directory, flags, preload });
      stage.gate.open(stage.server.url);
      await sendUntilTaken(stage, refused!.id);
    }
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
