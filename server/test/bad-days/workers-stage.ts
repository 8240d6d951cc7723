/** A server whose store's workers can be ended and hung, a user's clients, and what they were promised. */
import { once } from "node:events";
import { expect } from "vitest";
import { type Answer, ask, json, tokenFor } from "./ask.ts";
import { type ComingBack, comeBack } from "./client.ts";
import type { FaultOrder } from "./faulty-store.ts";
import { type Gate, makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { type Ledger, makeLedger } from "./ledger.ts";
import { makeDirectory, type ServerProcess, startServer } from "./server-process.ts";
import { openEvents } from "./transports/events.ts";
import { openPolls } from "./transports/poll.ts";
import { openExactWebSocket } from "./transports/websocket.ts";

export const preload = new URL("./faulty-store.ts", import.meta.url).href;
export const flags = ["--store-watchdog", "1s", "--log-level", "warn"];
export const timeout = 120_000;

export interface Stage {
  readonly directory: string;
  readonly gate: Gate;
  readonly ledger: Ledger;
  readonly clients: readonly ComingBack[];
  server: ServerProcess;
  count: number;
}

export async function raiseStage(): Promise<Stage> {
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
export async function setFault({ server: { child, exit } }: Stage, order: FaultOrder): Promise<void> {
  child.send(order, () => {});
  await Promise.race([once(child, "message"), exit]);
}

export const urlOf = ({ server }: Stage): string => `${server.url}/v1/notifications`;

/** Sends so many at once, each in a request of its own. Null: no answer at all. */
export async function send(stage: Stage, count: number): Promise<{ id: string; answer: Answer | null }[]> {
  const ids = Array.from({ length: count }, () => `n${stage.count++}`);
  return Promise.all(ids.map(async (id) => ({ id, answer: await sendOne(stage, id) })));
}

export async function sendOne(stage: Stage, id: string): Promise<Answer | null> {
  stage.ledger.sending({ id, to: ["user:ada"], data: id });
  const event = { id, to: "user:ada", source: "/test", type: "test", data: id };
  const answer = await ask(urlOf(stage), { ...json(event), bearer: stage.server.apiKey });
  const { receipts = [] } = (answer?.json ?? {}) as { receipts?: { seq: number }[] };
  if (answer?.status === 202) stage.ledger.promised(id, "user:ada", receipts[0]!.seq);
  return answer;
}

/** The same again until it is taken, as late as the server asks for; null when the process is gone. */
export async function sendUntilTaken(stage: Stage, id: string): Promise<string | null> {
  for (;;) {
    const answer = await sendOne(stage, id);
    if (answer === null) return null;
    if (answer.status === 202) return (answer.json as { receipts: { status: string }[] }).receipts[0]!.status;
    expectUnavailable(answer);
    await after((answer.json as { retryMs: number }).retryMs);
  }
}

export const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function expectUnavailable(answer: Answer): void {
  expect(answer.status, answer.text).toBe(503);
  expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  expect((answer.json as { code: string }).code).toBe("unavailable");
}

/** Every client has everything, once and in order. */
export async function expectAllThere({ ledger, clients, count }: Stage): Promise<void> {
  await Promise.race([ledger.broken, Promise.all(clients.map(({ inbox }) => inbox.has("user:ada", count)))]);
  expect(ledger.violations).toEqual([]);
  const promised = ledger.promisedIn("user:ada");
  const inOrder = Array.from({ length: count }, (_, at) => promised.get(at + 1));
  for (const { inbox } of clients) expect(inbox.received.get("user:ada"), inbox.who).toEqual(inOrder);
}

export async function end(stage: Stage): Promise<void> {
  await Promise.all(stage.clients.map((client) => client.stop()));
  expect(await stage.server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
}
